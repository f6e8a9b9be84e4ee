//! Standard output, for people and for programs: whole lines, at once, and no panic when the reader has gone.

use std::io::{self, Write as _};

/// Writes a text and ends its line.
///
/// A reader that left (`lyceum status | head -n 1`) is an error of kind [`io::ErrorKind::BrokenPipe`], which
/// [`reader_left`] tells from a full disk.
pub(crate) fn line(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{text}").and_then(|()| output.flush())
}

/// Whether an error only says that nobody reads any more.
pub(crate) fn reader_left(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
