//! What the catalog makes of what it finds.

use super::*;
use crate::storage::block::catalog::{Catalog, CatalogError};
use crate::storage::block::restore::Restored;
use crate::storage::layout::BlockPart;

fn open(folder: &Folder, log_from: u64) -> Result<Catalog, CatalogError> {
    Catalog::open(Arc::clone(&folder.shelf.fs), folder.shelf.layout.clone(), log_from)
}

fn spans(catalog: &Catalog) -> usize {
    let mut found = 0;
    for block in catalog.shelved().blocks {
        for (group, facts) in block.seal.spans.iter().enumerate() {
            let rows: Vec<usize> = (0..facts.rows as usize).collect();
            let visit = &mut |_: Restored<'_>| {
                found += 1;
                false
            };
            block.restore_spans(group, &rows, visit).unwrap();
        }
    }
    found
}

/// A folder with one block, and how many spans it has.
fn one_block() -> (Folder, Block, usize) {
    let folder = Folder::new();
    let block = folder.seal(&log_of(&recorded(Signal::Traces)));
    let rows = block.seal.span_rows() as usize;
    (folder, block, rows)
}

#[test]
fn a_block_without_its_seal_is_adopted_once_the_log_is_gone() {
    for damage in [
        None,
        Some(&b""[..]),
        Some(b"PHBLK\xb6\x0a\0\x01\0\0\0 not what was written"),
        Some(b"PHBLK\xb6\x0a\0\x07\0\0\0 nor another version"),
    ] {
        let (folder, block, rows) = one_block();
        let seal = folder.shelf.layout.block_file(&block.seal.name, BlockPart::Seal);
        match damage {
            Some(bytes) => std::fs::write(&seal, bytes).unwrap(),
            None => std::fs::remove_file(&seal).unwrap(),
        }
        let catalog = open(&folder, 2).unwrap();
        assert_eq!((spans(&catalog), catalog.status().counts.damaged), (rows, 0));
        let again = catalog.shelved().blocks[0].seal.clone();
        assert_eq!((again.spans.len(), &again.files), (block.seal.spans.len(), &block.seal.files));
        for (again, before) in again.spans.iter().zip(&block.seal.spans) {
            assert_eq!(again.min_start_ns, before.min_start_ns);
            assert_eq!((again.services, again.failed), (before.services, before.failed));
        }
    }
}

#[test]
fn a_block_without_its_seal_is_removed_where_the_log_still_has_it() {
    let (folder, block, _) = one_block();
    let seal = folder.shelf.layout.block_file(&block.seal.name, BlockPart::Seal);
    std::fs::remove_file(&seal).unwrap();
    let catalog = open(&folder, 1).unwrap();
    assert_eq!(catalog.status().blocks, 0);
    assert_eq!(std::fs::read_dir(folder.path().join("blocks")).unwrap().count(), 0);
}

#[test]
fn what_cannot_be_read_at_all_is_put_aside_with_a_note() {
    let (folder, block, _) = one_block();
    let layout = &folder.shelf.layout;
    std::fs::remove_file(layout.block_file(&block.seal.name, BlockPart::Seal)).unwrap();
    std::fs::write(layout.block_file(&block.seal.name, BlockPart::Spans), b"no Parquet").unwrap();
    let catalog = open(&folder, 2).unwrap();
    assert_eq!((catalog.status().blocks, catalog.status().counts.damaged), (0, 1));
    let aside = std::fs::read_dir(layout.quarantine()).unwrap().count();
    assert!(aside >= 3, "the files and a note: {aside}");
    assert_eq!(open(&folder, 2).unwrap().status().counts.damaged, 0, "once");
}

#[test]
fn a_later_version_is_refused_before_anything_is_touched() {
    let (folder, block, _) = one_block();
    let seal = folder.shelf.layout.block_file(&block.seal.name, BlockPart::Seal);
    let mut bytes = std::fs::read(&seal).unwrap();
    bytes[8] = 2;
    let sum = crc32fast::hash(&[&bytes[8..12], &bytes[16..]].concat());
    bytes[12..16].copy_from_slice(&sum.to_le_bytes());
    std::fs::write(&seal, &bytes).unwrap();
    let stray = folder.path().join("blocks/half.tmp");
    std::fs::write(&stray, b"").unwrap();
    let error = open(&folder, 1).err().unwrap().to_string();
    assert!(error.contains("version 2") && stray.exists(), "{error}");
    assert!(std::fs::read(&seal).unwrap() == bytes);
}

#[test]
fn damage_within_a_block_is_reported_once_and_the_rest_is_read() {
    let (folder, block, _) = one_block();
    let path = folder.shelf.layout.block_file(&block.seal.name, BlockPart::Content);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let catalog = open(&folder, 2).unwrap();
    let block = &catalog.shelved().blocks[0];
    let rows: Vec<usize> = (0..block.seal.spans[0].rows as usize).collect();
    for _ in 0..2 {
        let error = block.restore_spans(0, &rows, &mut |_| false).unwrap_err();
        catalog.report(block, &error);
    }
    assert_eq!(catalog.status().counts.damaged, 1);
    let note = folder.shelf.layout.quarantine().join(format!("{}.txt", block.seal.name));
    assert!(std::fs::read_to_string(note).unwrap().contains("damaged"));
    // What stands in other files is not harmed.
    assert!(block.texts(BlockPart::Spans, 0, crate::storage::block::span::NAME).is_ok());
}
