//! The state as bytes for the snapshot: numbers little-endian, text and lists behind their length.

use std::collections::VecDeque;

use crate::model::{SpanId, TraceId};

/// A part of the state that outlives the process.
pub(super) trait Kept: Sized {
    /// Appends it.
    fn write(&self, out: &mut Vec<u8>);

    /// Takes it from the front; `None` where the bytes are not it.
    fn read(from: &mut &[u8]) -> Option<Self>;
}

/// Keeps a struct field by field.
macro_rules! kept {
    ($name:ident { $($field:ident),+ $(,)? }) => {
        impl $crate::watch::bytes::Kept for $name {
            fn write(&self, out: &mut Vec<u8>) {
                $($crate::watch::bytes::Kept::write(&self.$field, out);)+
            }

            fn read(from: &mut &[u8]) -> Option<Self> {
                $(let $field = $crate::watch::bytes::Kept::read(from)?;)+
                Some(Self { $($field),+ })
            }
        }
    };
}
pub(super) use kept;

macro_rules! numbers {
    ($($type:ty),+) => {
        $(impl Kept for $type {
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            fn read(from: &mut &[u8]) -> Option<Self> {
                let (bytes, rest) = from.split_first_chunk()?;
                *from = rest;
                Some(Self::from_le_bytes(*bytes))
            }
        })+
    };
}
numbers!(u8, u32, u64, i64, f64);

impl Kept for bool {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        Some(u8::read(from)? != 0)
    }
}

impl Kept for Box<str> {
    fn write(&self, out: &mut Vec<u8>) {
        (self.len() as u32).write(out);
        out.extend_from_slice(self.as_bytes());
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        let length = u32::read(from)? as usize;
        let (text, rest) = from.split_at_checked(length)?;
        *from = rest;
        Some(std::str::from_utf8(text).ok()?.into())
    }
}

impl<T: Kept> Kept for Option<T> {
    fn write(&self, out: &mut Vec<u8>) {
        self.is_some().write(out);
        if let Some(value) = self {
            value.write(out);
        }
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        Some(if bool::read(from)? { Some(T::read(from)?) } else { None })
    }
}

impl<T: Kept> Kept for Vec<T> {
    fn write(&self, out: &mut Vec<u8>) {
        (self.len() as u32).write(out);
        self.iter().for_each(|item| item.write(out));
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        // Grown as it is read: a length that is not true costs no memory.
        let mut items = Vec::new();
        for _ in 0..u32::read(from)? {
            items.push(T::read(from)?);
        }
        Some(items)
    }
}

impl<T: Kept> Kept for VecDeque<T> {
    fn write(&self, out: &mut Vec<u8>) {
        (self.len() as u32).write(out);
        self.iter().for_each(|item| item.write(out));
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        Vec::read(from).map(Self::from)
    }
}

impl<T: Kept, const N: usize> Kept for [T; N] {
    fn write(&self, out: &mut Vec<u8>) {
        self.iter().for_each(|item| item.write(out));
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        let mut items = Vec::with_capacity(N);
        for _ in 0..N {
            items.push(T::read(from)?);
        }
        items.try_into().ok()
    }
}

impl<A: Kept, B: Kept> Kept for (A, B) {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        Some((A::read(from)?, B::read(from)?))
    }
}

impl Kept for TraceId {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        let (bytes, rest) = from.split_at_checked(16)?;
        *from = rest;
        Self::from_bytes(bytes)
    }
}

impl Kept for SpanId {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        let (bytes, rest) = from.split_at_checked(8)?;
        *from = rest;
        Self::from_bytes(bytes)
    }
}
