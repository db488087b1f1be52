//! `lordofpomelo-robot`: plays LordOfPomelo with many robots and measures what they see.

fn main() {}
