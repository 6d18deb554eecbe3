//! Data on standard output.

use std::io::{self, Write};

/// Prints a text as it is. Whoever closes the pipe has seen enough: that is no fault.
///
/// # Errors
/// When standard output cannot be written to.
pub fn print(text: &str) -> io::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
