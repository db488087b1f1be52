//! Scripted players of LordOfPomelo.
