//! Pharos, as a command.

fn main() {}
