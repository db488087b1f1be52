//! The command `pomelo-cli`.

fn main() {}
