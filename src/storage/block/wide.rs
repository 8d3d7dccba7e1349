//! Looking into attributes and contents without putting records together.

use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};

use super::block::Block;
use super::error::BlockError;
use super::restore::lists;
use super::schema::{log, span};
use crate::storage::layout::BlockPart;

/// The attributes of some rows as they are stored.
pub(in crate::storage) struct AttributeItems {
    keys: Vec<Vec<ByteArray>>,
    values: Vec<Vec<ByteArray>>,
    types: Vec<ByteArray>,
}

/// What of some rows can say something: attributes, contents, and the rest of the bytes.
pub(in crate::storage) struct SaidItems {
    values: Vec<Vec<ByteArray>>,
    content: Vec<Vec<i64>>,
    rest: Vec<ByteArray>,
}

impl Block {
    /// The attributes of these rows, which are in order.
    pub(in crate::storage) fn attribute_items(
        &self,
        group: usize,
        rows: &[usize],
    ) -> Result<AttributeItems, BlockError> {
        let part = self.part(BlockPart::Spans)?;
        let items = |leaf| part.column::<ByteArrayType>(group, leaf, Some(rows)).map(lists);
        Ok(AttributeItems {
            keys: items(span::KEY)?,
            values: items(span::VALUE)?,
            types: part.texts(group, span::TYPES, Some(rows))?,
        })
    }

    /// Those of these rows, which are in order, with an attribute whose text `test` holds for.
    /// A text among the contents stands there as the number of its pieces.
    pub(in crate::storage) fn rows_with_value(
        &self,
        group: usize,
        rows: &[usize],
        test: impl Fn(&[u8]) -> bool,
    ) -> Result<Vec<usize>, BlockError> {
        const ITEM: i16 = 2;
        let part = self.part(BlockPart::Spans)?;
        let all = rows.len() == self.seal.spans[group].rows as usize;
        let wanted = (!all).then_some(rows);
        let column = part.column::<ByteArrayType>(group, span::VALUE, wanted)?;
        let mut values = column.values.iter();
        let mut found: Vec<usize> = Vec::new();
        let mut at = 0;
        for (defined, repeated) in column.definitions.iter().zip(&column.repetitions) {
            at += usize::from(*repeated == 0);
            let Some(value) = (*defined == ITEM).then(|| values.next()).flatten() else { continue };
            if test(value.data()) {
                let row = *rows.get(at - 1).ok_or(BlockError::Inconsistent)?;
                if found.last() != Some(&row) {
                    found.push(row);
                }
            }
        }
        Ok(found)
    }

    /// Those of these rows, which are in order, that stand in a page of attributes or of the rest
    /// of the bytes for which `test` holds, or have one of the contents that `said` tells.
    pub(in crate::storage) fn rows_that_may_say(
        &self,
        of: BlockPart,
        group: usize,
        rows: &[usize],
        said: &[bool],
        test: impl Fn(&[u8]) -> bool,
    ) -> Result<Vec<usize>, BlockError> {
        let part = self.part(of)?;
        let (value, content, rest) = wide_leaves(of);
        let mut pages = part.rows_of_pages_where(group, value, &test)?;
        pages.extend(part.rows_of_pages_where(group, rest, &test)?);
        let mut may_say = vec![false; part.rows(group)];
        for page in pages {
            may_say.get_mut(page).unwrap_or_default().fill(true);
        }
        if said.contains(&true) {
            let numbers = lists(part.column::<Int64Type>(group, content, None)?);
            for (may_say, numbers) in may_say.iter_mut().zip(numbers) {
                *may_say |= numbers.iter().any(|number| is_said(said, *number));
            }
        }
        let wanted = rows.iter().copied().filter(|row| may_say.get(*row) == Some(&true));
        Ok(wanted.collect())
    }

    /// What of these rows can say something. The rest of a log record's bytes is its body here.
    pub(in crate::storage) fn said_items(
        &self,
        of: BlockPart,
        group: usize,
        rows: &[usize],
    ) -> Result<SaidItems, BlockError> {
        let part = self.part(of)?;
        let (value, content, rest) = wide_leaves(of);
        Ok(SaidItems {
            values: lists(part.column::<ByteArrayType>(group, value, Some(rows))?),
            content: lists(part.column::<Int64Type>(group, content, Some(rows))?),
            rest: part.texts(group, rest, Some(rows))?,
        })
    }

    /// What `test` says of the origin of each of these rows; it is asked once for each origin.
    pub(in crate::storage) fn origins_where<T: Clone>(
        &self,
        group: usize,
        rows: &[usize],
        test: impl Fn(&[u8]) -> T,
    ) -> Result<Vec<T>, BlockError> {
        let part = self.part(BlockPart::Spans)?;
        let origins = part.texts(group, span::ORIGIN, Some(rows))?;
        let mut last: Option<(&[u8], T)> = None;
        let mut found = Vec::with_capacity(origins.len());
        for origin in &origins {
            let origin = origin.data();
            let known = last.as_ref().filter(|(known, _)| *known == origin);
            let result = known.map_or_else(|| test(origin), |(_, result)| result.clone());
            last = Some((origin, result.clone()));
            found.push(result);
        }
        Ok(found)
    }

    /// For every piece of content whether `test` holds for it.
    pub(in crate::storage) fn contents_where(
        &self,
        test: impl Fn(&[u8]) -> bool,
    ) -> Result<Vec<bool>, BlockError> {
        let mut found = Vec::new();
        if !self.has(BlockPart::Content) {
            return Ok(found);
        }
        let part = self.part(BlockPart::Content)?;
        for group in 0..part.groups() {
            let first = found.len();
            found.resize(first + part.rows(group), false);
            for rows in part.rows_of_pages_where(group, 0, &test)? {
                let rows: Vec<usize> = rows.collect();
                let texts = part.texts(group, 0, Some(&rows))?;
                for (row, text) in rows.into_iter().zip(texts) {
                    found[first + row] = test(text.data());
                }
            }
        }
        Ok(found)
    }
}

impl AttributeItems {
    /// Whether the row at this place may have an attribute with this key and value.
    pub(in crate::storage) fn may_equal(&self, at: usize, key: &[u8], value: &[u8]) -> bool {
        let letters = self.types[at].data().iter();
        let mut items = self.keys[at].iter().zip(&self.values[at]).zip(letters);
        items.any(|((found, text), letter)| {
            // Only these stand in the column as they are compared.
            let plain = matches!(letter, b's' | b'i' | b'b');
            found.data() == key && (!plain || text.data() == value || *letter == b'i')
        })
    }
}

impl SaidItems {
    /// Whether the row at this place may say what is asked for; `said` tells which contents do.
    pub(in crate::storage) fn may_say(
        &self,
        at: usize,
        said: &[bool],
        test: impl Fn(&[u8]) -> bool,
    ) -> bool {
        self.values[at].iter().any(|value| test(value.data()))
            || self.content[at].iter().any(|number| is_said(said, *number))
            || test(self.rest[at].data())
    }
}

/// Whether the piece of content with this number is among those that say something.
fn is_said(said: &[bool], number: i64) -> bool {
    usize::try_from(number).is_ok_and(|number| said.get(number) == Some(&true))
}

/// Where attributes, contents and what else can say something are among a file's leaves.
fn wide_leaves(of: BlockPart) -> (usize, usize, usize) {
    match of {
        BlockPart::Logs => (log::VALUE, log::CONTENT, log::BODY),
        _ => (span::VALUE, span::CONTENT, span::REST),
    }
}
