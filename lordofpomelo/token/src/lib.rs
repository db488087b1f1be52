//! Tokens: what the web server gives a player who signed in, and the auth server checks.
