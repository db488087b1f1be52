//! The command `pomelo`.

fn main() {}
