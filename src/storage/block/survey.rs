//! A look at the blocks of a folder that changes nothing: every seal and every stretch of every
//! file, and what is wrong with them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::block::Shelf;
use super::file::SummedFile;
use super::part::Part;
use super::seal::{Seal, SealError};
use crate::limits;
use crate::storage::fs::read_whole;
use crate::storage::layout::{BlockName, BlockPart};

/// A file of a block and what was found.
pub(in crate::storage) struct SurveyedFile {
    pub(in crate::storage) name: BlockName,
    pub(in crate::storage) part: BlockPart,
    pub(in crate::storage) bytes: u64,
    /// What is wrong with it, in words.
    pub(in crate::storage) damage: Vec<String>,
    /// What is odd and no damage.
    pub(in crate::storage) notes: Vec<String>,
    /// Whether it could not be checked.
    pub(in crate::storage) unchecked: bool,
}

/// What is known of the rest of the folder.
#[derive(Clone, Copy)]
pub(in crate::storage) struct Around {
    /// The first segment that the log still has; 0 where it has none.
    pub(in crate::storage) log_from: u64,
    /// Whether a Pharos works in the folder.
    pub(in crate::storage) in_use: bool,
}

/// A block as its names and its seal tell of it.
struct Found {
    name: BlockName,
    parts: BTreeSet<BlockPart>,
    seal: Option<Result<Seal, SealError>>,
}

/// Calls `tell` with every file of every block, the seal of each first.
pub(in crate::storage) fn survey(
    shelf: &Shelf,
    around: Around,
    tell: &mut dyn FnMut(SurveyedFile),
) -> io::Result<()> {
    let blocks = found(shelf)?;
    let sealed: Vec<BlockName> = blocks
        .iter()
        .filter(|found| matches!(found.seal, Some(Ok(_))))
        .map(|found| found.name)
        .collect();
    for found in &blocks {
        let others = sealed.iter().filter(|other| **other != found.name);
        let spare = others.clone().any(|other| other.covers(&found.name));
        let inside = others.clone().any(|other| found.name.covers(other));
        let again = around.log_from > 0 && found.name.first >= around.log_from;
        let checked = match &found.seal {
            Some(Ok(seal)) => found.check(shelf, seal, tell),
            _ => {
                let harmless = spare || inside || again;
                found.without_seal(shelf, around, harmless, tell)
            }
        };
        match checked {
            // A running Pharos has replaced or removed the block meanwhile.
            Err(error) if around.in_use && error.kind() == io::ErrorKind::NotFound => {}
            checked => checked?,
        }
    }
    Ok(())
}

fn found(shelf: &Shelf) -> io::Result<Vec<Found>> {
    let files = match shelf.fs.list(&shelf.layout.blocks()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        files => files?,
    };
    let mut blocks: BTreeMap<BlockName, BTreeSet<BlockPart>> = BTreeMap::new();
    for (name, part) in files.iter().filter_map(|file| BlockName::of_file(file)) {
        blocks.entry(name).or_default().insert(part);
    }
    let found = blocks.into_iter().map(|(name, parts)| {
        let bytes = read_whole(&*shelf.fs, &shelf.layout.block_file(&name, BlockPart::Seal))?;
        let seal = bytes.map(|bytes| match Seal::decode(&bytes) {
            Ok(seal) if seal.name != name => Err(SealError::Damaged),
            seal => seal,
        });
        Ok(Found { name, parts, seal })
    });
    found.collect()
}

impl Found {
    fn file(&self, shelf: &Shelf, part: BlockPart) -> io::Result<SurveyedFile> {
        let path = shelf.layout.block_file(&self.name, part);
        let bytes = match shelf.fs.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            file => file?.len()?,
        };
        let (damage, notes) = Default::default();
        Ok(SurveyedFile { name: self.name, part, bytes, damage, notes, unchecked: false })
    }

    /// The files of a block whose seal is whole.
    fn check(
        &self,
        shelf: &Shelf,
        seal: &Seal,
        tell: &mut dyn FnMut(SurveyedFile),
    ) -> io::Result<()> {
        for part in BlockPart::ALL {
            let mut file = self.file(shelf, part)?;
            match (seal.file(part), self.parts.contains(&part)) {
                _ if part == BlockPart::Seal => {}
                (Some(_), false) => file.damage.push("the file is missing".to_owned()),
                (Some(sums), true) => {
                    let opened = shelf.fs.open(&shelf.layout.block_file(&self.name, part))?;
                    if file.bytes != sums.bytes {
                        let told = format!("it has {} bytes of {}", file.bytes, sums.bytes);
                        file.damage.push(told);
                    }
                    let summed = SummedFile::new(opened, sums.clone());
                    file.damage.extend(damaged_stretches(&summed, file.bytes.min(sums.bytes)));
                    if file.damage.is_empty()
                        && let Err(error) = Part::open(summed)
                    {
                        file.damage.push(error.to_string());
                    }
                }
                (None, true) => file.notes.push("the seal does not know it".to_owned()),
                (None, false) => continue,
            }
            tell(file);
        }
        Ok(())
    }

    /// The files of a block whose seal is missing or not whole.
    fn without_seal(
        &self,
        shelf: &Shelf,
        around: Around,
        harmless: bool,
        tell: &mut dyn FnMut(SurveyedFile),
    ) -> io::Result<()> {
        for part in &self.parts {
            let mut file = self.file(shelf, *part)?;
            match (&self.seal, part) {
                // It is written as a whole: no crash leaves half of one.
                (Some(Err(error)), BlockPart::Seal) => {
                    file.damage.push(error.to_string());
                }
                _ => {
                    file.unchecked = true;
                    let told = match (around.in_use, harmless) {
                        (true, _) => "the block is being made, or has no whole seal",
                        (false, true) => "left over by a crash; the next start removes it",
                        (false, false) => "the block has no whole seal; the next start makes one",
                    };
                    file.notes.push(told.to_owned());
                    let lost = self.seal.is_none() && !around.in_use && !harmless;
                    if lost && Some(part) == self.parts.first() {
                        file.damage.push("the seal of its block is missing".to_owned());
                    }
                }
            }
            tell(file);
        }
        Ok(())
    }
}

/// Stretches that are not what was written, neighbours as one.
fn damaged_stretches(file: &SummedFile, until: u64) -> Vec<String> {
    let stretch = limits::BLOCK_STRETCH_BYTES as u64;
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for from in (0..until).step_by(limits::BLOCK_STRETCH_BYTES) {
        let end = (from + stretch).min(until);
        let length = usize::try_from(end - from).unwrap_or(limits::BLOCK_STRETCH_BYTES);
        if file.read(from, length).is_ok() {
            continue;
        }
        match ranges.last_mut() {
            Some((_, last)) if *last == from => *last = end,
            _ => ranges.push((from, end)),
        }
    }
    ranges.iter().map(|(from, until)| format!("bytes {from} to {until} are damaged")).collect()
}
