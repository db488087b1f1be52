//! The web server of LordOfPomelo: accounts, tokens, and the page with the game.
