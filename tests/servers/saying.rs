//! What a run has to say although it passes. The test harness keeps what `println!` writes to itself.

use std::io::Write;

/// A line for whoever reads the run.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "   {line}");
}
