//! Whatever happens to the bytes of a block, no wrong record is read from it.

use super::*;
use crate::storage::block::restore::Restored;
use crate::storage::layout::BlockPart;

/// Every record of a block, or where reading it failed.
fn records(block: &Block) -> Result<Vec<Vec<u8>>, String> {
    let mut found = Vec::new();
    let mut keep = |restored: Restored<'_>| {
        found.push([restored.origin, restored.record].concat());
        false
    };
    for (group, facts) in block.seal.spans.iter().enumerate() {
        let rows: Vec<usize> = (0..facts.rows as usize).collect();
        block.restore_spans(group, &rows, &mut keep).map_err(|error| error.to_string())?;
    }
    for (group, facts) in block.seal.logs.iter().enumerate() {
        let rows: Vec<usize> = (0..facts.rows as usize).collect();
        block.restore_logs(group, &rows, &mut keep).map_err(|error| error.to_string())?;
    }
    Ok(found)
}

#[test]
fn a_flipped_bit_is_found_or_harmless() {
    let folder = Folder::new();
    let batches = [recorded(Signal::Traces), recorded(Signal::Logs)].concat();
    let block = folder.seal(&log_of(&batches));
    let whole = records(&block).unwrap();
    let flips = if std::env::var("PHAROS_SEEDS").is_ok() { 1_000 } else { 50 };
    let mut random = fastrand::Rng::with_seed(11);
    for part in [BlockPart::Spans, BlockPart::Logs, BlockPart::Content] {
        let path = folder.shelf.layout.block_file(&block.seal.name, part);
        let good = std::fs::read(&path).unwrap();
        let mut found = 0;
        for _ in 0..flips {
            let mut bytes = good.clone();
            let at = random.usize(0..bytes.len());
            bytes[at] ^= 1 << random.u8(0..8);
            std::fs::write(&path, &bytes).unwrap();
            let cache = Arc::new(Cache::new(limits::BLOCK_CACHE_BYTES));
            let shelf = Shelf { cache, ..folder.shelf.clone() };
            let damaged = Block::new(shelf, block.seal.clone());
            match records(&damaged) {
                Ok(read) => assert_eq!(read, whole, "bit of byte {at} of {part:?}"),
                Err(_) => found += 1,
            }
            assert!(damaged.verify().is_err(), "bit of byte {at} of {part:?}");
        }
        assert!(found > 0);
        std::fs::write(&path, good).unwrap();
    }
}

#[test]
fn a_cut_file_is_damaged_at_every_length() {
    let folder = Folder::new();
    let block = folder.seal(&log_of(&recorded(Signal::Logs)));
    let path = folder.shelf.layout.block_file(&block.seal.name, BlockPart::Logs);
    let good = std::fs::read(&path).unwrap();
    for length in (0..good.len()).step_by(13) {
        std::fs::write(&path, &good[..length]).unwrap();
        let cache = Arc::new(Cache::new(limits::BLOCK_CACHE_BYTES));
        let shelf = Shelf { cache, ..folder.shelf.clone() };
        let cut = Block::new(shelf, block.seal.clone());
        assert!(records(&cut).is_err() && cut.verify().is_err(), "{length}");
    }
    assert!(folder.path().join("blocks").is_dir());
}
