//! Event files: framed, checked records, appended to a file that no other writer has.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use prost::Message;

use super::error::SummaryError;
use crate::io::masked_crc::masked_crc;

/// Bytes that wait before they are written, some hundred scalars: a write for each would cost more than making it,
/// and more bytes at once save nothing.
const BATCH_BYTES: usize = 1 << 14;

/// How long they wait at most, should another event come. `TensorBoard` looks for news every five seconds.
const BATCH_TIME: Duration = Duration::from_secs(5);

/// An event file that is being written. What is left goes out when it is dropped.
#[derive(Debug)]
pub(super) struct EventFile {
    file: File,
    path: PathBuf,
    /// Records, or the rest of one, that are not in the file yet.
    pending: Vec<u8>,
    written: Instant,
}

impl EventFile {
    /// A new file `events.out.tfevents.<seconds since 1970>.<host>.<process>.<number>`: the name that `TensorBoard`
    /// gives its own; it reads the files of a directory in the order of their names.
    pub(super) fn create(directory: &Path) -> Result<Self, SummaryError> {
        let host = hostname::get().unwrap_or_else(|_| "localhost".into());
        let (seconds, process) = (since_1970().as_secs(), std::process::id());
        let mut number = 0;
        loop {
            let mut name = OsString::from(format!("events.out.tfevents.{seconds:010}."));
            name.push(&host);
            name.push(format!(".{process}.{number}"));
            let path = directory.join(name);
            match File::create_new(&path) {
                Ok(file) => {
                    return Ok(EventFile { file, path, pending: Vec::new(), written: Instant::now() });
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(SummaryError::Create { path, source: Arc::new(error) }),
            }
        }
    }

    /// Appends a record, and writes what waits when that is much or has waited long.
    pub(super) fn push(&mut self, message: &impl Message) -> Result<(), SummaryError> {
        append_record(&mut self.pending, &message.encode_to_vec());
        if self.pending.len() >= BATCH_BYTES || self.written.elapsed() >= BATCH_TIME {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes what waits. What could not be written waits on, and a later attempt goes on where this one stopped.
    pub(super) fn flush(&mut self) -> Result<(), SummaryError> {
        while !self.pending.is_empty() {
            match self.file.write(&self.pending) {
                Ok(0) => return Err(self.not_written(ErrorKind::WriteZero.into())),
                Ok(written) => drop(self.pending.drain(..written)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.not_written(error)),
            }
        }
        self.written = Instant::now();
        Ok(())
    }

    /// The error of a write, or of making what is written.
    pub(super) fn not_written(&self, error: io::Error) -> SummaryError {
        SummaryError::Write { path: self.path.clone(), source: Arc::new(error) }
    }
}

impl Drop for EventFile {
    fn drop(&mut self) {
        // Nobody is left to tell; a caller that wants to know flushes before.
        let _ = self.flush();
    }
}

/// The time, as events and files tell it.
pub(super) fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// A `TFRecord`: the length of the data (u64), its masked checksum (u32), the data, its masked checksum (u32), all
/// little-endian.
///
/// Source: `tensorflow/core/lib/io/record_writer.h` in <https://github.com/tensorflow/tensorflow>.
fn append_record(to: &mut Vec<u8>, data: &[u8]) {
    let length = (data.len() as u64).to_le_bytes();
    to.extend_from_slice(&length);
    to.extend_from_slice(&masked_crc(&length).to_le_bytes());
    to.extend_from_slice(data);
    to.extend_from_slice(&masked_crc(data).to_le_bytes());
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Read;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    use super::super::proto::{Event, What};
    use super::*;

    /// A socket that takes so many bytes and then no more until they are read stands in for a disk that is full.
    #[test]
    fn what_was_not_written_is_written_when_there_is_room() {
        let (socket, mut other) = UnixStream::pair().unwrap();
        socket.set_nonblocking(true).unwrap();
        let (file, path) = (File::from(OwnedFd::from(socket)), PathBuf::from("logs/events"));
        let mut events = EventFile { file, path, pending: Vec::new(), written: Instant::now() };
        let event = Event { step: 7, what: Some(What::GraphDef(vec![7; 1 << 20])), wall_time: 0.0 };
        let mut record = Vec::new();
        append_record(&mut record, &event.encode_to_vec());

        let error = events.push(&event).unwrap_err();
        let expected = "the event file `logs/events` could not be written: Resource temporarily unavailable";
        assert!(error.to_string().starts_with(expected), "{error}");
        let mut read = Vec::new();
        while read.len() < record.len() {
            let mut bytes = [0; 1 << 12];
            let count = other.read(&mut bytes).unwrap();
            read.extend_from_slice(&bytes[..count]);
            let _ = events.flush();
        }
        assert!(read == record);
        events.flush().unwrap();
    }
}
