//! A look at the segments of a folder that changes nothing: what recovery would find, without
//! cutting, sealing or putting anything aside.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::footer::{FOOTER_BYTES, Footer, is_footer_like};
use super::frame::number64;
use super::header::{HeaderFault, SEGMENT_HEADER_BYTES, SegmentHeader};
use super::scan::scan;
use super::segment::{Look, SegmentFile};
use super::status::SegmentInfo;
use crate::limits;
use crate::storage::fs::{File, Fs, read_full_at};
use crate::storage::layout::{Layout, segment_number};
use crate::storage::{Batch, Position};

/// The segments of a folder, the oldest first.
pub(in crate::storage) struct Survey {
    fs: Arc<dyn Fs>,
    layout: Layout,
    pub(in crate::storage) segments: Vec<Surveyed>,
}

/// A segment's file, and what its ends say.
pub(in crate::storage) struct Surveyed {
    pub(in crate::storage) number: u64,
    pub(in crate::storage) file_bytes: u64,
    /// Whether it is the newest one: it may be written to.
    pub(in crate::storage) newest: bool,
    header: Result<SegmentHeader, HeaderFault>,
    /// Whether each copy of the header is whole.
    copies: [bool; 2],
    footer: Option<Footer>,
    /// Where its frames end, if the segment that followed it says so.
    known_end: Option<u64>,
}

/// What the frames of a segment are.
#[derive(Default)]
pub(in crate::storage) struct Walked {
    /// Everything that is not as it was written, in words.
    pub(in crate::storage) damage: Vec<String>,
    /// What is odd and no damage.
    pub(in crate::storage) notes: Vec<String>,
}

/// Where the frames of a segment are.
struct Bounds {
    salt: u64,
    end: u64,
    /// Where what belongs to the segment ends; bytes behind it are nobody's.
    used: u64,
}

impl Survey {
    /// Reads the ends of all segments. A folder without segments has none.
    pub(in crate::storage) fn take(fs: Arc<dyn Fs>, layout: Layout) -> io::Result<Self> {
        let names = match fs.list(&layout.segments()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            names => names?,
        };
        let mut numbers: Vec<u64> = names.iter().filter_map(|name| segment_number(name)).collect();
        numbers.sort_unstable();
        let mut survey = Self { fs, layout, segments: Vec::with_capacity(numbers.len()) };
        for number in numbers {
            match survey.ends_of(number) {
                Ok(surveyed) => survey.segments.push(surveyed),
                // Retention of a running Pharos removes segments at any time.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        for at in 0..survey.segments.len() {
            let number = survey.segments[at].number;
            let later = survey.segments[at + 1..].iter().filter_map(|later| later.header.ok());
            let mut previous = later.map(|header| header.previous);
            let end = previous.find(|previous| previous.segment == number);
            survey.segments[at].known_end = end.map(|end| end.offset);
        }
        if let Some(newest) = survey.segments.last_mut() {
            newest.newest = true;
        }
        Ok(survey)
    }

    fn ends_of(&self, number: u64) -> io::Result<Surveyed> {
        let file = self.fs.open(&self.layout.segment(number))?;
        let file_bytes = file.len()?;
        let mut start = [0; SEGMENT_HEADER_BYTES as usize];
        let read = read_full_at(&*file, 0, &mut start)?;
        let (one, other) = start[..read].split_at(read.min(start.len() / 2));
        let copies = [one, other].map(|copy| SegmentHeader::decode(copy).is_ok());
        let mut end = [0; FOOTER_BYTES as usize];
        if let Some(at) = file_bytes.checked_sub(FOOTER_BYTES) {
            read_full_at(&*file, at, &mut end)?;
        }
        Ok(Surveyed {
            number,
            file_bytes,
            newest: false,
            header: SegmentHeader::decode(&start[..read]),
            copies,
            footer: Footer::decode(&end, number, file_bytes),
            known_end: None,
        })
    }

    /// Calls `visit` with every whole batch of a segment, in order, until it breaks off. Says
    /// what it found on the way.
    pub(in crate::storage) fn walk(
        &self,
        segment: &Surveyed,
        visit: &mut dyn FnMut(Position, &Batch) -> ControlFlow<()>,
    ) -> io::Result<Walked> {
        let mut walked = Walked::default();
        segment.note_header(&mut walked);
        let file = self.fs.open(&self.layout.segment(segment.number))?;
        let Some(bounds) = segment.bounds(&file, &mut walked)? else { return Ok(walked) };
        let number = segment.number;
        let mut frames = SegmentFile::new(number, bounds.salt, Arc::clone(&file), bounds.end);
        let mut found = SegmentInfo::default();
        let mut at = SEGMENT_HEADER_BYTES;
        while at < bounds.end {
            match frames.look(at)? {
                Look::Frame(header, body) => {
                    found.count(header.signal, header.items);
                    let position = Position { segment: number, offset: at };
                    at += header.frame_bytes();
                    if visit(position, &header.batch(body)).is_break() {
                        return Ok(walked);
                    }
                }
                Look::Damaged { until } => {
                    walked.damage.push(format!("bytes {at} to {until} are no readable batch"));
                    at = until;
                }
            }
        }
        segment.note_end(&*file, &bounds, &found, &mut walked)?;
        Ok(walked)
    }
}

impl Surveyed {
    /// The version of a later release's format, if that wrote it.
    pub(in crate::storage) fn newer(&self) -> Option<u32> {
        match self.header {
            Err(HeaderFault::Newer(version)) => Some(version),
            _ => None,
        }
    }

    /// Whether nothing will be appended to it.
    pub(in crate::storage) fn is_sealed(&self) -> bool {
        self.footer.is_some()
    }

    /// Where its frames end, if it is sealed.
    pub(in crate::storage) fn sealed_end(&self) -> Option<u64> {
        self.footer.map(|footer| footer.end)
    }

    /// Its own header: one of another number is of a file that was renamed by hand.
    fn own_header(&self) -> Option<SegmentHeader> {
        self.header.ok().filter(|header| header.number == self.number)
    }

    fn note_header(&self, walked: &mut Walked) {
        if let Ok(header) = self.header
            && header.number != self.number
        {
            walked.damage.push(format!("it has the header of segment {}", header.number));
        }
        for (copy, bytes) in self.copies.iter().zip(["0 to 64", "64 to 128"]) {
            if !copy && self.file_bytes > SEGMENT_HEADER_BYTES {
                walked.damage.push(format!("bytes {bytes}: this copy of the header is damaged"));
            }
        }
    }

    /// Where its frames are; `None` if there is no telling.
    fn bounds(&self, file: &Arc<dyn File>, walked: &mut Walked) -> io::Result<Option<Bounds>> {
        if let Some(Footer { salt, end, .. }) = self.footer {
            return Ok(Some(Bounds { salt, end, used: self.file_bytes }));
        }
        let Some(SegmentHeader { salt, .. }) = self.own_header() else {
            let begun = self.file_bytes <= SEGMENT_HEADER_BYTES;
            let lost = self.known_end.is_some_and(|end| end > SEGMENT_HEADER_BYTES);
            if lost {
                walked.damage.push("its content is missing".to_owned());
            } else if begun || is_blank(&**file, 0, self.file_bytes)? {
                walked.notes.push("it was being begun and holds nothing".to_owned());
            } else {
                walked.damage.push("neither header nor footer can be read".to_owned());
            }
            return Ok(None);
        };
        let end = self.known_end.map_or(self.file_bytes, |end| end.min(self.file_bytes));
        let end = end.max(SEGMENT_HEADER_BYTES);
        let mut frames = SegmentFile::new(self.number, salt, Arc::clone(file), end);
        let committed = scan(&mut frames, self.known_end.is_some())?.info.end;
        Ok(Some(Bounds { salt, end: committed, used: committed }))
    }

    /// What is to say of what stands behind the frames.
    fn note_end(
        &self,
        file: &dyn File,
        bounds: &Bounds,
        found: &SegmentInfo,
        walked: &mut Walked,
    ) -> io::Result<()> {
        if let Some(footer) = self.footer {
            let differs = (footer.batches, footer.items) != (found.batches, found.items);
            if differs && walked.damage.is_empty() {
                let (says, holds) = (footer.batches, found.batches);
                let told = format!("the footer tells of {says} batches, the segment has {holds}");
                walked.damage.push(told);
            }
            return Ok(());
        }
        let missing = self.known_end.unwrap_or(0).saturating_sub(self.file_bytes);
        if missing > 0 {
            walked.damage.push(format!("its last {missing} bytes are missing"));
        }
        if is_blank(file, bounds.used, self.file_bytes)? {
            return Ok(());
        }
        let (from, until) = (bounds.used, self.file_bytes);
        let mut tail = [0; FOOTER_BYTES as usize];
        let read = read_full_at(file, from, &mut tail)?;
        let footer = is_footer_like(&tail[..read]) || number64(&tail, 24) == from;
        if footer && until - from <= FOOTER_BYTES {
            walked.damage.push(format!("bytes {from} to {until}: the footer is damaged"));
        } else {
            let told = format!("bytes {from} to {until} are of a write that was not acknowledged");
            walked.notes.push(told);
        }
        Ok(())
    }
}

/// Whether the file holds nothing but zeros from `from` to `until`.
fn is_blank(file: &dyn File, mut from: u64, until: u64) -> io::Result<bool> {
    let mut buffer = vec![0; limits::READ_ONE_BYTES];
    while from < until {
        let read = read_full_at(file, from, &mut buffer)?;
        if read == 0 {
            break;
        }
        if buffer[..read].iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        from += read as u64;
    }
    Ok(true)
}
