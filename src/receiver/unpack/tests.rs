//! Unpacking honest, damaged and hostile bodies.

use super::*;
use crate::receiver::budget::Budget;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use std::io::Write;

const CAP: usize = 2 << 20;

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn zlib(plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn deflate(plain: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    zstd::encode_all(plain, 1).unwrap()
}

type Pack = fn(&[u8]) -> Vec<u8>;

/// Every coding with a packer for it.
fn packers() -> [(Coding, Pack); 5] {
    [
        (Coding::Identity, <[u8]>::to_vec),
        (Coding::Gzip, gzip),
        (Coding::Deflate, zlib),
        (Coding::Deflate, deflate),
        (Coding::Zstd, zstd),
    ]
}

/// Unpacks with a budget that must be free again afterwards, and held while the output lives.
fn check(coding: Coding, packed: &[u8]) -> Result<Vec<u8>, Failure> {
    let budget = Budget::new(2 * CAP);
    let mut hold = budget.share();
    let unpacked = unpack(coding, packed, CAP, usize::MAX, &mut hold, &|_| Ok(()));
    if let Ok(Some(unpacked)) = &unpacked {
        assert!(hold.bytes() >= unpacked.len());
        assert!(hold.bytes() <= unpacked.capacity().max(packed.len()) + 1);
    }
    unpacked.map(|unpacked| unpacked.expect("patience had no end"))
}

/// Text that packs about as well as telemetry does.
fn telemetry(bytes: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes + 64);
    let mut random = fastrand::Rng::with_seed(7);
    while out.len() < bytes {
        let id = random.u64(..);
        write!(out, "gen_ai.request.model=model-{} trace_id={id:016x} ok ", id % 7).unwrap();
    }
    out.truncate(bytes);
    out
}

#[test]
fn every_coding_gives_back_what_was_packed() {
    for size in [0, 1, 1_000, 65_536, 300_000, CAP] {
        let plain = telemetry(size);
        for (coding, pack) in packers() {
            assert!(check(coding, &pack(&plain)).unwrap() == plain, "{coding:?} {size}");
        }
    }
}

#[test]
fn very_repetitive_bodies_are_accepted() {
    let plain = vec![b'x'; CAP];
    for (coding, pack) in packers() {
        assert!(check(coding, &pack(&plain)).unwrap() == plain, "{coding:?}");
    }
}

#[test]
fn one_byte_over_the_cap_is_too_large() {
    for plain in [telemetry(CAP + 1), vec![0; CAP + 1]] {
        for (coding, pack) in packers() {
            let failure = check(coding, &pack(&plain)).err();
            assert_eq!(failure, Some(Failure::TooLarge { limit_bytes: CAP }), "{coding:?}");
        }
    }
}

#[test]
fn a_bomb_reserves_little_and_is_seen_early() {
    let zeros = vec![0; 12 << 20];
    for (coding, packed) in [
        (Coding::Gzip, gzip(&zeros)),
        (Coding::Zstd, zstd(&zeros)),
        (Coding::Deflate, zlib(&zeros)),
    ] {
        let budget = Budget::new(limits::UNPACK_HONEST_BYTES.max(honest(packed.len())) + 1);
        let failure =
            unpack(coding, &packed, CAP, usize::MAX, &mut budget.share(), &|_| Ok(())).unwrap_err();
        assert_eq!(failure, Failure::TooLarge { limit_bytes: CAP }, "{coding:?}");
    }
    let bomb = gzip(&zeros);
    assert!(is_suspicious(Coding::Gzip, &bomb));
    assert!(exceeds(Coding::Gzip, &bomb[..60_000], CAP));
    let honest = gzip(&telemetry(CAP));
    assert!(!is_suspicious(Coding::Gzip, &honest[..honest.len() / 2]));
}

#[test]
fn repetitive_bodies_have_a_smaller_bound() {
    let packed = zstd(&vec![0x12; limits::UNPACK_SUSPICIOUS_BYTES + 1]);
    let budget = Budget::new(limits::INFLIGHT_BYTES);
    let cap = limits::REQUEST_UNPACKED_BYTES;
    let failure =
        unpack(Coding::Zstd, &packed, cap, usize::MAX, &mut budget.share(), &|_| Ok(())).err();
    let limit_bytes = limits::UNPACK_SUSPICIOUS_BYTES;
    assert_eq!(failure, Some(Failure::TooLarge { limit_bytes }));
}

#[test]
fn an_impatient_caller_gets_nothing_half_done() {
    let budget = Budget::new(CAP);
    let mut hold = budget.share();
    let packed = gzip(&telemetry(300_000));
    let unpacked = unpack(Coding::Gzip, &packed, CAP, 100_000, &mut hold, &|_| Ok(())).unwrap();
    assert_eq!((unpacked, hold.bytes()), (None, 0));
}

#[test]
fn no_room_is_an_overload_and_not_the_senders_fault() {
    let budget = Budget::new(CAP);
    let mut others = budget.share();
    others.grow(CAP - 1_000).unwrap();
    let packed = gzip(&telemetry(300_000));
    let failure = unpack(Coding::Gzip, &packed, CAP, usize::MAX, &mut budget.share(), &|_| Ok(()))
        .unwrap_err();
    assert!(matches!(failure, Failure::Overloaded { .. }));
}

#[test]
fn members_and_frames_may_follow_one_another() {
    let twice = |pack: Pack| [pack(b"one "), pack(b"two")].concat();
    assert_eq!(check(Coding::Gzip, &twice(gzip)).unwrap(), b"one two");
    assert_eq!(check(Coding::Zstd, &twice(zstd)).unwrap(), b"one two");
    assert!(check(Coding::Deflate, &twice(zlib)).is_err());
}

#[test]
fn damage_anywhere_is_malformed() {
    let plain = telemetry(20_000);
    for (coding, pack) in packers().into_iter().skip(1) {
        let packed = pack(&plain);
        for cut in (1..packed.len()).step_by(97) {
            let failure = check(coding, &packed[..cut]).expect_err("a cut body");
            assert!(matches!(failure, Failure::Malformed { .. }), "{coding:?} cut at {cut}");
        }
        let garbage = [&packed[..], b"garbage"].concat();
        assert!(check(coding, &garbage).is_err(), "{coding:?} with garbage behind it");
        for at in (0..packed.len()).step_by(61) {
            let mut flipped = packed.clone();
            flipped[at] ^= 0x10;
            // Raw deflate and zstd without a checksum cannot notice all of them.
            let _ = check(coding, &flipped);
        }
    }
}

#[test]
fn a_huge_zstd_window_is_refused() {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    encoder.write_all(&telemetry(100_000)).unwrap();
    encoder.write_all(&telemetry(100_000)).unwrap();
    let packed = encoder.finish().unwrap();
    assert!(matches!(check(Coding::Zstd, &packed), Err(Failure::Malformed { .. })));
}

#[test]
fn codings_have_their_names() {
    assert_eq!(Coding::named(b" GZIP "), Some(Coding::Gzip));
    assert_eq!(Coding::named(b"identity"), Some(Coding::Identity));
    assert_eq!(Coding::named(b"br"), None);
    assert_eq!(Coding::named(b"gzip, zstd"), None);
}
