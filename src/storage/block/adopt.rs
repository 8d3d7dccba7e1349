//! Making the seal of a block again that has lost it, from its files.

use super::block::Shelf;
use super::error::BlockError;
use super::file::{SummedFile, Sums};
use super::part::Part;
use super::schema::{log, span};
use super::seal::{LogGroup, Seal, SpanGroup};
use super::sealing::DAY_NS;
use crate::limits;
use crate::storage::fs::{Fs, read_full_at};
use crate::storage::index::ServiceSet;
use crate::storage::layout::{BlockName, BlockPart};

/// Reads the files of a block and seals them again.
pub(super) fn adopt(shelf: &Shelf, name: BlockName) -> Result<Seal, BlockError> {
    let seal = look(shelf, name)?;
    let path = shelf.layout.block_file(&name, BlockPart::Seal);
    crate::storage::fs::replace(&*shelf.fs, &path, &seal.encode())?;
    Ok(seal)
}

/// The seal that the files of a block would get. Arrival times are known to the day only.
pub(super) fn look(shelf: &Shelf, name: BlockName) -> Result<Seal, BlockError> {
    let mut seal = Seal {
        name,
        first_arrival_ns: u64::from(name.day) * DAY_NS,
        last_arrival_ns: (u64::from(name.day) + 1) * DAY_NS - 1,
        log_bytes: 0,
        spans: Vec::new(),
        logs: Vec::new(),
        files: <[Sums; 3]>::default(),
    };
    let parts = [BlockPart::Spans, BlockPart::Logs, BlockPart::Content];
    for (place, part) in parts.into_iter().enumerate() {
        seal.files[place] = sum_up(&*shelf.fs, shelf, &name, part)?;
    }
    for (place, part) in parts.into_iter().enumerate() {
        if seal.files[place].bytes == 0 {
            continue;
        }
        let file = shelf.fs.open(&shelf.layout.block_file(&name, part))?;
        let part_file = Part::open(SummedFile::new(file, seal.files[place].clone()))?;
        for group in 0..part_file.groups() {
            match part {
                BlockPart::Spans => seal.spans.push(span_group(&part_file, group)?),
                BlockPart::Logs => seal.logs.push(log_group(&part_file, group)?),
                // Its pages are checked by decoding them.
                _ => drop(part_file.texts(group, 0, None)?),
            }
        }
    }
    if seal.spans.is_empty() && seal.logs.is_empty() {
        return Err(BlockError::Inconsistent);
    }
    seal.log_bytes = seal.spans.iter().map(|group| group.bytes).sum::<u64>()
        + seal.logs.iter().map(|group| group.bytes).sum::<u64>();
    Ok(seal)
}

fn sum_up(
    fs: &dyn Fs,
    shelf: &Shelf,
    name: &BlockName,
    part: BlockPart,
) -> Result<Sums, BlockError> {
    let file = match fs.open(&shelf.layout.block_file(name, part)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Sums::default()),
        file => file?,
    };
    let mut sums = Sums { bytes: file.len()?, sums: Vec::new() };
    let mut buffer = vec![0; limits::BLOCK_STRETCH_BYTES];
    for at in (0..sums.bytes).step_by(limits::BLOCK_STRETCH_BYTES) {
        let read = read_full_at(&*file, at, &mut buffer)?;
        sums.sums.push(crc32fast::hash(&buffer[..read]));
    }
    Ok(sums)
}

fn span_group(part: &Part, group: usize) -> Result<SpanGroup, BlockError> {
    let starts = part.longs(group, span::START, None, 0)?;
    let durations = part.longs(group, span::DURATION, None, 0)?;
    let services = part.text_column(group, span::SERVICE, None)?;
    let statuses = part.text_column(group, span::STATUS, None)?;
    // Their pages are checked by decoding them.
    for leaf in [span::VALUE, span::REST, span::ORIGIN] {
        part.column::<parquet::data_type::ByteArrayType>(group, leaf, None)?;
    }
    let mut facts = SpanGroup::EMPTY;
    facts.rows = u32::try_from(part.rows(group)).map_err(|_| BlockError::Inconsistent)?;
    facts.bytes = part.unpacked_bytes(group);
    facts.failed = statuses.values.iter().any(|status| &**status == "error");
    for service in &services.values {
        facts.services.0 |= ServiceSet::of(service).0;
    }
    for (start, duration) in starts.iter().zip(durations) {
        let start = start.cast_unsigned();
        let end = start.wrapping_add(duration.cast_unsigned());
        facts.min_start_ns = facts.min_start_ns.min(start);
        facts.max_start_ns = facts.max_start_ns.max(start);
        facts.max_duration_ns = facts.max_duration_ns.max(end.saturating_sub(start));
    }
    Ok(facts)
}

fn log_group(part: &Part, group: usize) -> Result<LogGroup, BlockError> {
    let times = part.longs(group, log::TIME, None, 0)?;
    let observed = part.longs(group, log::OBSERVED, None, 0)?;
    let severities = part.longs(group, log::SEVERITY, None, 0)?;
    let services = part.text_column(group, log::SERVICE, None)?;
    for leaf in [log::BODY, log::VALUE, log::REST, log::ORIGIN] {
        part.column::<parquet::data_type::ByteArrayType>(group, leaf, None)?;
    }
    let mut facts = LogGroup::EMPTY;
    facts.rows = u32::try_from(part.rows(group)).map_err(|_| BlockError::Inconsistent)?;
    facts.bytes = part.unpacked_bytes(group);
    facts.max_severity =
        severities.iter().filter_map(|severity| u32::try_from(*severity).ok()).max().unwrap_or(0);
    for service in &services.values {
        facts.services.0 |= ServiceSet::of(service).0;
    }
    for (time, observed) in times.into_iter().zip(observed) {
        let time = if time != 0 { time } else { observed }.cast_unsigned();
        facts.min_time_ns = facts.min_time_ns.min(time);
        facts.max_time_ns = facts.max_time_ns.max(time);
    }
    Ok(facts)
}
