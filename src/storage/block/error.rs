//! What can go wrong with a block.

use std::io;

use parquet::errors::ParquetError;

use super::seal::SealError;
use crate::storage::log::ReadError;

/// A block could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum BlockError {
    /// The disk refuses.
    #[error("a block's file cannot be used: {0}")]
    Io(#[from] io::Error),
    /// What was read is no Parquet, or not of our columns.
    #[error("a block's file is no Parquet of ours: {0}")]
    Parquet(#[from] ParquetError),
    /// The seal.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// What it is to be made of cannot be read.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// Its columns do not fit one another.
    #[error("a block's columns do not fit one another")]
    Inconsistent,
}
