//! Unpacking a body: gzip, zstd, zlib and raw deflate, within a cap and the memory budget.
//!
//! Whatever unpacks to far more than honest telemetry is first measured without keeping the
//! output, so that a bomb costs a scratch buffer rather than its full size.

use super::budget::Reservation;
use super::failure::Failure;
use crate::limits;
use flate2::{Decompress, FlushDecompress, Status};
use std::panic::{AssertUnwindSafe, catch_unwind};
use zstd::stream::raw::{DParameter, InBuffer, Operation, OutBuffer};

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Identity,
    Gzip,
    Zstd,
    Deflate,
}

/// What `Accept-Encoding` and `grpc-accept-encoding` answer.
pub(super) const CODINGS: &str = "gzip, zstd, deflate, identity";

impl Coding {
    /// The coding of a `Content-Encoding` or `grpc-encoding` header.
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        let known = [
            ("", Self::Identity),
            ("identity", Self::Identity),
            ("gzip", Self::Gzip),
            ("x-gzip", Self::Gzip),
            ("zstd", Self::Zstd),
            ("deflate", Self::Deflate),
            ("zlib", Self::Deflate),
        ];
        let name = name.trim_ascii();
        known
            .iter()
            .find(|known| known.0.as_bytes().eq_ignore_ascii_case(name))
            .map(|known| known.1)
    }
}

/// Looks at the beginning of a body that unpacks to more than honest telemetry does, and may
/// refuse it for what it holds.
pub(super) type Glance<'a> = dyn Fn(&[u8]) -> Result<(), Failure> + 'a;

/// Unpacks `packed` into at most `cap` bytes, which `hold` reserves. What is not finished after
/// `patience` bytes of output ends with `None`; a patience that is not finite should stay below
/// `limits::UNPACK_HONEST_BYTES`, because measuring knows none.
pub(super) fn unpack(
    coding: Coding,
    packed: &[u8],
    cap: usize,
    patience: usize,
    hold: &mut Reservation,
    glance: &Glance<'_>,
) -> Result<Option<Vec<u8>>, Failure> {
    // A decoder that panics on hostile bytes says that they are malformed.
    let unpacked = catch_unwind(AssertUnwindSafe(|| {
        let honest = honest(packed.len()).min(cap);
        let allowance = honest.min(patience);
        let guess = guess(coding, packed).clamp(packed.len().min(allowance), allowance);
        let beginning = match keep(coding, packed, guess, allowance, hold)? {
            Kept::All(unpacked) => return Ok(Some(unpacked)),
            Kept::Beginning(beginning) => beginning,
        };
        if patience <= honest {
            return Ok(None);
        }
        glance(&beginning)?;
        drop(beginning);
        let size = measure(coding, packed, most(packed.len()).min(cap))?;
        match keep(coding, packed, size, size, hold)? {
            Kept::All(unpacked) => Ok(Some(unpacked)),
            Kept::Beginning(_) => Err(Failure::Internal),
        }
    }));
    unpacked.unwrap_or_else(|_| Err(Failure::malformed("the body cannot be unpacked")))
}

/// Whether the beginning of a body unpacks to more than honest telemetry does.
pub(super) fn is_suspicious(coding: Coding, beginning: &[u8]) -> bool {
    let sample = &beginning[..beginning.len().min(limits::UNPACK_SAMPLE_BYTES)];
    exceeds(coding, sample, honest(sample.len()))
}

/// Whether the beginning of a body already unpacks to more than `cap` bytes. Damage and a
/// missing end show later, when the whole body is unpacked.
pub(super) fn exceeds(coding: Coding, beginning: &[u8], cap: usize) -> bool {
    let measured = catch_unwind(|| measure(coding, beginning, cap));
    matches!(measured, Ok(Err(Failure::TooLarge { .. })) | Err(_))
}

/// The most that so many bytes of honest telemetry unpack to.
fn honest(packed: usize) -> usize {
    (packed * limits::UNPACK_HONEST_RATIO).max(limits::UNPACK_HONEST_BYTES)
}

/// The most that so many packed bytes may unpack to.
pub(super) fn most(packed: usize) -> usize {
    honest(packed).max(limits::UNPACK_SUSPICIOUS_BYTES)
}

/// What came of keeping the output.
enum Kept {
    All(Vec<u8>),
    /// The allowance was too small; the reservation is given back.
    Beginning(Vec<u8>),
}

/// Unpacks into a buffer that grows from `guess` to `allowance`.
fn keep(
    coding: Coding,
    packed: &[u8],
    guess: usize,
    allowance: usize,
    hold: &mut Reservation,
) -> Result<Kept, Failure> {
    let mut decoder = Decoder::new(coding, packed)?;
    // One byte more than can be needed: a full buffer then always means that more is coming.
    hold.grow(guess + 1)?;
    let mut out = Vec::with_capacity(guess + 1);
    let mut reserved = guess + 1;
    loop {
        let ended = decoder.step(&mut out)?;
        if out.len() > allowance {
            hold.shrink(reserved);
            return Ok(Kept::Beginning(out));
        }
        if ended {
            return Ok(Kept::All(out));
        }
        if out.len() == out.capacity() {
            let more = out.len().max(limits::UNPACK_SCRATCH_BYTES).min(allowance + 1 - out.len());
            hold.grow(more)?;
            reserved += more;
            out.reserve_exact(more);
        }
    }
}

/// The size of what `packed` unpacks to, if at most `cap`; keeps nothing.
fn measure(coding: Coding, packed: &[u8], cap: usize) -> Result<usize, Failure> {
    let mut decoder = Decoder::new(coding, packed)?;
    let mut scratch = Vec::with_capacity(limits::UNPACK_SCRATCH_BYTES);
    let mut size = 0;
    loop {
        scratch.clear();
        let ended = decoder.step(&mut scratch)?;
        size += scratch.len();
        if size > cap {
            return Err(Failure::TooLarge { limit_bytes: cap });
        }
        if ended {
            return Ok(size);
        }
    }
}

/// What the container says about its size, which may be a lie; 0 where it says nothing.
fn guess(coding: Coding, packed: &[u8]) -> usize {
    match coding {
        Coding::Gzip => {
            packed.last_chunk::<4>().map_or(0, |size| u32::from_le_bytes(*size) as usize)
        }
        Coding::Zstd => {
            let size = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten();
            size.map_or(0, |size| usize::try_from(size).unwrap_or(usize::MAX))
        }
        Coding::Identity | Coding::Deflate => packed.len().saturating_mul(4),
    }
}

struct Decoder<'a> {
    rest: &'a [u8],
    machine: Machine,
}

enum Machine {
    Copy,
    Inflate { inflate: Decompress, members: bool },
    Zstd(Box<zstd::stream::raw::Decoder<'static>>),
}

impl<'a> Decoder<'a> {
    fn new(coding: Coding, packed: &'a [u8]) -> Result<Self, Failure> {
        let inflate = |inflate, members| Machine::Inflate { inflate, members };
        let machine = match coding {
            // An empty body is an empty request, however it says it was packed.
            _ if packed.is_empty() => Machine::Copy,
            Coding::Identity => Machine::Copy,
            Coding::Gzip => inflate(Decompress::new_gzip(15), true),
            Coding::Deflate => inflate(Decompress::new(has_zlib_header(packed)), false),
            Coding::Zstd => {
                let damaged = |_| Failure::malformed("the body cannot be unpacked");
                let mut zstd = zstd::stream::raw::Decoder::new().map_err(damaged)?;
                let window = DParameter::WindowLogMax(limits::ZSTD_WINDOW_LOG);
                zstd.set_parameter(window).map_err(damaged)?;
                Machine::Zstd(Box::new(zstd))
            }
        };
        Ok(Self { rest: packed, machine })
    }

    /// Adds output to the spare capacity of `out`; `true` once everything is unpacked.
    fn step(&mut self, out: &mut Vec<u8>) -> Result<bool, Failure> {
        match &mut self.machine {
            Machine::Copy => {
                let (now, rest) = self.rest.split_at(self.rest.len().min(spare(out)));
                out.extend_from_slice(now);
                self.rest = rest;
                Ok(rest.is_empty())
            }
            Machine::Inflate { inflate, .. } => {
                let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
                let status = inflate
                    .decompress_vec(self.rest, out, FlushDecompress::None)
                    .map_err(|_| Failure::malformed("the compressed body is damaged"))?;
                let consumed = usize::try_from(inflate.total_in() - before_in).unwrap_or(0);
                self.rest = self.rest.get(consumed..).unwrap_or(&[]);
                if status == Status::StreamEnd {
                    return self.next_member();
                }
                let stands = consumed == 0 && inflate.total_out() == before_out;
                if spare(out) > 0 && (stands || self.rest.is_empty()) {
                    return Err(Failure::malformed("the compressed body ends too early"));
                }
                Ok(false)
            }
            Machine::Zstd(zstd) => {
                let mut input = InBuffer::around(self.rest);
                let at = out.len();
                let mut output = OutBuffer::around_pos(out, at);
                let hint = zstd
                    .run(&mut input, &mut output)
                    .map_err(|_| Failure::malformed("the compressed body is damaged"))?;
                let consumed = input.pos();
                self.rest = &self.rest[consumed..];
                if self.rest.is_empty() && hint == 0 {
                    return Ok(true);
                }
                let stands = consumed == 0 && out.len() == at;
                if stands || self.rest.is_empty() && spare(out) > 0 {
                    return Err(Failure::malformed("the compressed body ends too early"));
                }
                Ok(false)
            }
        }
    }

    /// After the end of a stream: gzip may go on with another member, nothing else may follow.
    fn next_member(&mut self) -> Result<bool, Failure> {
        if self.rest.is_empty() {
            return Ok(true);
        }
        if let Machine::Inflate { inflate, members: true } = &mut self.machine {
            *inflate = Decompress::new_gzip(15);
            return Ok(false);
        }
        Err(Failure::malformed("bytes follow the compressed body"))
    }
}

fn spare(out: &Vec<u8>) -> usize {
    out.capacity() - out.len()
}

/// HTTP's `deflate` means zlib, but some senders leave its two header bytes away.
fn has_zlib_header(packed: &[u8]) -> bool {
    matches!(packed, [method, flags, ..]
        if method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]).is_multiple_of(31))
}

#[cfg(test)]
mod tests;
