//! The contents of a block: long texts in pieces, each of which is stored once.

use std::collections::HashMap;

use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;
use sha2::{Digest, Sha256};

use super::column::Texts;
use super::file::{SummingFile, Sums};
use super::pieces::pieces;
use super::schema;
use crate::limits;

/// Writes the contents' file; gives every piece its number.
pub(super) struct ContentWriter {
    file: SerializedFileWriter<SummingFile>,
    gathered: Texts,
    gathered_pieces: usize,
    /// The number of each piece written so far, by the first half of its SHA-256.
    known: HashMap<[u8; 16], i64, foldhash::fast::RandomState>,
    next: i64,
    /// Bytes of text that were given.
    pub(super) given_bytes: u64,
}

impl ContentWriter {
    pub(super) fn new(file: SummingFile) -> Result<Self, ParquetError> {
        let schema = schema::parse(schema::CONTENT)?;
        let file = SerializedFileWriter::new(file, schema, schema::content_properties().into())?;
        let (gathered, known) = Default::default();
        Ok(Self { file, gathered, gathered_pieces: 0, known, next: 0, given_bytes: 0 })
    }

    /// Stores a text; appends the numbers of its pieces to `numbers` and says how many it has.
    pub(super) fn put(
        &mut self,
        text: &str,
        numbers: &mut Vec<i64>,
    ) -> Result<usize, ParquetError> {
        let pieces = pieces(text);
        for piece in &pieces {
            numbers.push(self.put_piece(&text[piece.clone()])?);
        }
        Ok(pieces.len())
    }

    /// Stores one piece as it is; its number.
    pub(super) fn put_piece(&mut self, piece: &str) -> Result<i64, ParquetError> {
        self.given_bytes += piece.len() as u64;
        let digest: [u8; 32] = Sha256::digest(piece.as_bytes()).into();
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        if let Some(number) = self.known.get(&key) {
            return Ok(*number);
        }
        let number = self.next;
        self.next += 1;
        // A block with more pieces than that stores some of them again.
        if self.known.len() < limits::BLOCK_KNOWN_PIECES {
            self.known.insert(key, number);
        }
        self.gathered.push(piece.as_bytes());
        self.gathered_pieces += 1;
        let full = self.gathered_pieces >= limits::BLOCK_GROUP_ROWS;
        if full || self.gathered.bytes() >= limits::BLOCK_GROUP_BYTES {
            self.flush()?;
        }
        Ok(number)
    }

    fn flush(&mut self) -> Result<(), ParquetError> {
        if self.gathered_pieces == 0 {
            return Ok(());
        }
        let mut group = self.file.next_row_group()?;
        self.gathered.write(&mut group)?;
        group.close()?;
        self.gathered_pieces = 0;
        Ok(())
    }

    /// Writes the rest and syncs the file.
    pub(super) fn finish(mut self) -> Result<Sums, ParquetError> {
        self.flush()?;
        finish(self.file)
    }
}

/// Writes the footer of a Parquet file and syncs it.
pub(super) fn finish(file: SerializedFileWriter<SummingFile>) -> Result<Sums, ParquetError> {
    Ok(file.into_inner()?.finish()?)
}
