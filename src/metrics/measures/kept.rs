//! What of the projection outlives a crash: the durable families and the steps that wait.

use super::super::registry::Registry;
use super::super::snapshot::{Reader, SnapshotError, Writer};
use super::Measures;
use super::lineage::Lineage;
use super::pairs::Pairs;
use crate::limits;

impl Measures {
    /// The state of the projection as bytes, for the position in the log up to which it has read.
    pub fn snapshot(&self) -> Vec<u8> {
        let families = self.registry.snapshot();
        let mut out = Writer(Vec::with_capacity(families.len() + 64 * 1024));
        out.number(families.len() as u32);
        out.0.extend_from_slice(&families);
        let lineage = out.0.len();
        self.lineage.write(&mut out);
        self.pairs.write(&mut out);
        let sum = crc32fast::hash(&out.0[lineage..]);
        out.number(sum);
        out.0
    }

    /// Takes over a snapshot, as [`Registry::restore`] does for the families.
    ///
    /// # Errors
    /// See [`SnapshotError`]; nothing is changed then.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let mut reader = Reader(bytes);
        let families = reader.number()? as usize;
        let families = reader.take(families)?;
        let (body, sum) = reader.0.split_last_chunk::<4>().ok_or(SnapshotError::Damaged)?;
        if crc32fast::hash(body) != u32::from_le_bytes(*sum) {
            return Err(SnapshotError::Damaged);
        }
        let mut body = Reader(body);
        let lineage = Lineage::read(&mut body, limits::LINEAGE_SPANS)?;
        // A snapshot of an earlier release ends here.
        let pairs = if body.0.is_empty() { Pairs::new() } else { Pairs::read(&mut body)? };
        if !body.0.is_empty() {
            return Err(SnapshotError::Damaged);
        }
        self.registry.restore(families)?;
        self.lineage = lineage;
        self.pairs = pairs;
        Ok(())
    }

    /// Forgets everything, to measure the log from its start.
    pub fn forget(&mut self) {
        Registry::forget(&self.registry);
        self.lineage = Lineage::new(limits::LINEAGE_SPANS);
        self.pairs = Pairs::new();
    }
}
