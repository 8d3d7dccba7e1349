//! Unpacking an answer on the side, piece by piece and up to a bound. The caller gets the packed
//! bytes; what is unpacked here is read and forgotten, so a bomb costs the metering of one call.

use flate2::{Decompress, FlushDecompress, Status};
use http::HeaderValue;
use zstd::stream::raw::{DParameter, InBuffer, Operation as _, OutBuffer};

use crate::limits;

/// Why an answer is not read any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// It is packed in a way that is not known here.
    Coding,
    /// It unpacks to more than models say.
    TooLarge,
    /// It is damaged, or not what its headers say.
    Malformed,
}

impl Unread {
    /// Every name that [`Unread::name`] gives.
    pub(super) const NAMES: [&'static str; 3] = ["coding", "malformed", "too_large"];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Coding => "coding",
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
        }
    }
}

/// A decoder of one answer.
pub(super) struct Unpack {
    machine: Machine,
    scratch: Vec<u8>,
    /// Bytes that it may still give out.
    left: u64,
    ended: bool,
}

enum Machine {
    Inflate(Decompress),
    /// `deflate` is zlib by the standard, and raw with some: the first byte tells.
    Deflate,
    Zstd(Box<zstd::stream::raw::Decoder<'static>>),
}

impl Unpack {
    /// The decoder for a `Content-Encoding`; `Ok(None)` where nothing is packed.
    pub(super) fn of(coding: Option<&HeaderValue>) -> Result<Option<Self>, Unread> {
        let coding = coding.map_or(&b""[..], HeaderValue::as_bytes).trim_ascii();
        let is = |name: &str| coding.eq_ignore_ascii_case(name.as_bytes());
        let machine = if coding.is_empty() || is("identity") {
            return Ok(None);
        } else if is("gzip") || is("x-gzip") {
            Machine::Inflate(Decompress::new_gzip(15))
        } else if is("deflate") {
            Machine::Deflate
        } else if is("zstd") {
            let mut zstd = zstd::stream::raw::Decoder::new().map_err(|_| Unread::Coding)?;
            let window = DParameter::WindowLogMax(limits::ZSTD_WINDOW_LOG);
            zstd.set_parameter(window).map_err(|_| Unread::Coding)?;
            Machine::Zstd(Box::new(zstd))
        } else {
            return Err(Unread::Coding);
        };
        let scratch = Vec::with_capacity(limits::GATEWAY_SCRATCH_BYTES);
        Ok(Some(Self { machine, scratch, left: limits::GATEWAY_UNPACKED_BYTES, ended: false }))
    }

    /// Unpacks a piece; `read` sees what comes out, bit by bit.
    pub(super) fn push(
        &mut self,
        mut packed: &[u8],
        mut read: impl FnMut(&[u8]),
    ) -> Result<(), Unread> {
        while !self.ended {
            self.scratch.clear();
            let before = packed.len();
            packed = self.step(packed)?;
            if self.scratch.is_empty() && packed.len() == before {
                break;
            }
            self.left = self.left.checked_sub(self.scratch.len() as u64).ok_or(Unread::TooLarge)?;
            read(&self.scratch);
        }
        Ok(())
    }

    /// Fills the scratch buffer; what of the piece is left over comes back.
    fn step<'p>(&mut self, packed: &'p [u8]) -> Result<&'p [u8], Unread> {
        match &mut self.machine {
            Machine::Deflate => {
                let Some(first) = packed.first() else { return Ok(packed) };
                self.machine = Machine::Inflate(Decompress::new(first & 0x0f == 8));
                self.step(packed)
            }
            Machine::Inflate(inflate) => {
                let before = inflate.total_in();
                let status = inflate
                    .decompress_vec(packed, &mut self.scratch, FlushDecompress::None)
                    .map_err(|_| Unread::Malformed)?;
                self.ended = status == Status::StreamEnd;
                let used = usize::try_from(inflate.total_in() - before).unwrap_or(packed.len());
                Ok(packed.get(used..).unwrap_or_default())
            }
            Machine::Zstd(zstd) => {
                let mut input = InBuffer::around(packed);
                let mut output = OutBuffer::around(&mut self.scratch);
                zstd.run(&mut input, &mut output).map_err(|_| Unread::Malformed)?;
                let used = input.pos();
                Ok(&packed[used..])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn unpack(coding: &'static str, packed: &[u8], size: usize) -> Result<Vec<u8>, Unread> {
        let mut unpack = Unpack::of(Some(&HeaderValue::from_static(coding)))?.unwrap();
        let mut out = Vec::new();
        for piece in packed.chunks(size) {
            unpack.push(piece, |bytes| out.extend_from_slice(bytes))?;
        }
        Ok(out)
    }

    #[test]
    fn every_coding_in_pieces_of_any_size() {
        let plain: Vec<u8> =
            (0..50_000_u32).flat_map(|number| (number / 7).to_le_bytes()).collect();
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(1));
        zlib.write_all(&plain).unwrap();
        let mut raw = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(1));
        raw.write_all(&plain).unwrap();
        let packed = [
            ("gzip", gzip(&plain)),
            ("deflate", zlib.finish().unwrap()),
            ("deflate", raw.finish().unwrap()),
            ("ZSTD", zstd::bulk::compress(&plain, 1).unwrap()),
        ];
        for (coding, packed) in &packed {
            for size in [1, 2, 1000, packed.len()] {
                assert!(unpack(coding, packed, size).unwrap() == plain, "{coding} by {size}");
            }
        }
    }

    #[test]
    fn a_bomb_costs_its_bound() {
        let bomb = gzip(&vec![0; usize::try_from(limits::GATEWAY_UNPACKED_BYTES).unwrap() + 1]);
        assert!(bomb.len() < 64 * 1024);
        assert_eq!(unpack("gzip", &bomb, bomb.len()), Err(Unread::TooLarge));
    }

    #[test]
    fn what_is_not_known_or_damaged_is_not_read() {
        let br = HeaderValue::from_static("br");
        assert!(matches!(Unpack::of(Some(&br)), Err(Unread::Coding)));
        assert!(matches!(Unpack::of(None), Ok(None)));
        assert_eq!(unpack("gzip", b"this is no gzip at all", 5), Err(Unread::Malformed));
        assert_eq!(unpack("zstd", b"this is no zstd at all", 5), Err(Unread::Malformed));
    }
}
