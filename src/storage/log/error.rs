//! What can go wrong with the log.

use std::io;
use std::path::PathBuf;

use crate::storage::Position;

/// The log could not be opened. Damage inside it is no reason: it is put aside and counted.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process works in the folder.
    #[error("the storage folder {} is in use by another process", path.display())]
    Locked {
        /// The storage path.
        path: PathBuf,
    },
    /// A later release has written here; nothing was touched.
    #[error(
        "{} is in format version {version}, which this release does not know: \
         use the release that wrote it, or a later one", path.display()
    )]
    Newer {
        /// The file in question.
        path: PathBuf,
        /// Its format version.
        version: u32,
    },
    /// The operating system refused something without which there is no log.
    #[error("{} cannot be used: {source}", path.display())]
    Io {
        /// The file or folder in question.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// A batch was not appended, or it is unknown whether it was. All but `TooLarge` pass with time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// There is less free space than is kept in reserve.
    #[error("the disk is full")]
    DiskFull,
    /// The disk takes no writes. It is tried again about every second.
    #[error("the storage takes no writes: {reason}")]
    ReadOnly {
        /// What the operating system said.
        reason: String,
    },
    /// The log is being closed.
    #[error("the storage is being closed")]
    Stopping,
    /// No retry will help: the batch is larger than [`crate::limits::FRAME_BYTES`].
    #[error("a batch of {bytes} bytes is too large for the storage")]
    TooLarge {
        /// The size of its body.
        bytes: usize,
    },
}

impl AppendError {
    /// Whether the sender may try again later.
    pub fn is_retryable(&self) -> bool {
        !matches!(self, Self::TooLarge { .. })
    }
}

/// A batch could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Its segment is not there: expired, or never written.
    #[error("segment {segment} is not in the log")]
    Gone {
        /// The segment asked for.
        segment: u64,
    },
    /// No whole frame begins at the position.
    #[error("no readable batch begins at {at}")]
    Damaged {
        /// The position asked for.
        at: Position,
    },
    /// The operating system refused to read.
    #[error("segment {segment} cannot be read: {source}")]
    Io {
        /// The segment in question.
        segment: u64,
        /// What the operating system said.
        source: io::Error,
    },
}
