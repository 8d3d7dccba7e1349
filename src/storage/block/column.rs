//! Columns of a row group that is being gathered, until it is written as a whole.

use std::io::Write;

use bytes::Bytes;
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArray,
    FixedLenByteArrayType, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedRowGroupWriter;

/// Texts or bytes; nulls and lists by their levels.
#[derive(Debug, Default)]
pub(super) struct Texts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    levels: Levels,
}

/// Numbers, flags or doubles.
#[derive(Debug)]
pub(super) struct Values<T> {
    values: Vec<T>,
    levels: Levels,
}

impl<T> Default for Values<T> {
    fn default() -> Self {
        Self { values: Vec::new(), levels: Levels::default() }
    }
}

/// Parquet's definition and repetition levels: only kept for columns that have them.
#[derive(Debug, Default)]
struct Levels {
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
}

impl Levels {
    fn parts(&self) -> (Option<&[i16]>, Option<&[i16]>) {
        let some = |levels: &'_ Vec<i16>| !levels.is_empty();
        (
            some(&self.definitions).then_some(&self.definitions[..]),
            some(&self.repetitions).then_some(&self.repetitions[..]),
        )
    }

    fn clear(&mut self) {
        self.definitions.clear();
        self.repetitions.clear();
    }
}

impl Texts {
    /// A value of a column that is never null.
    pub(super) fn push(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.ends.push(self.bytes.len());
    }

    /// A value of a column that may be null.
    pub(super) fn push_some(&mut self, value: Option<&[u8]>) {
        self.levels.definitions.push(i16::from(value.is_some()));
        if let Some(value) = value {
            self.push(value);
        }
    }

    /// The same for a text.
    pub(super) fn push_text(&mut self, value: Option<&str>) {
        self.push_some(value.map(str::as_bytes));
    }

    /// An item of a list: at its beginning `first`; `defined` as deep as the schema says.
    pub(super) fn push_item(&mut self, value: &[u8], first: bool, defined: i16) {
        self.levels.definitions.push(defined);
        self.levels.repetitions.push(i16::from(!first));
        self.push(value);
    }

    /// A row without items.
    pub(super) fn push_no_item(&mut self) {
        self.levels.definitions.push(0);
        self.levels.repetitions.push(0);
    }

    /// Bytes gathered.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    fn take_values(&mut self) -> Vec<Bytes> {
        let all = Bytes::from(std::mem::take(&mut self.bytes));
        let mut from = 0;
        let values =
            self.ends.drain(..).map(|end| all.slice(std::mem::replace(&mut from, end)..end));
        values.collect()
    }

    /// Writes the next column of a row group from it and empties it.
    pub(super) fn write<W: Write + Send>(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        let values: Vec<ByteArray> = self.take_values().into_iter().map(ByteArray::from).collect();
        write_column::<ByteArrayType, W>(group, &values, &self.levels)?;
        self.levels.clear();
        Ok(())
    }

    /// The same for a column of values of one length.
    pub(super) fn write_fixed<W: Write + Send>(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        let values = self.take_values().into_iter();
        let values: Vec<FixedLenByteArray> =
            values.map(|value| ByteArray::from(value).into()).collect();
        write_column::<FixedLenByteArrayType, W>(group, &values, &self.levels)?;
        self.levels.clear();
        Ok(())
    }
}

impl<T> Values<T> {
    /// A value of a column that is never null.
    pub(super) fn push(&mut self, value: T) {
        self.values.push(value);
    }

    /// A value of a column that may be null.
    pub(super) fn push_some(&mut self, value: Option<T>) {
        self.levels.definitions.push(i16::from(value.is_some()));
        self.values.extend(value);
    }

    /// The items of a list that is never null.
    pub(super) fn push_list(&mut self, items: impl IntoIterator<Item = T>) {
        let before = self.values.len();
        for item in items {
            self.levels.definitions.push(1);
            self.levels.repetitions.push(i16::from(self.values.len() > before));
            self.values.push(item);
        }
        if self.values.len() == before {
            self.levels.definitions.push(0);
            self.levels.repetitions.push(0);
        }
    }

    fn write_as<D: DataType<T = T>, W: Write + Send>(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        write_column::<D, W>(group, &self.values, &self.levels)?;
        self.values.clear();
        self.levels.clear();
        Ok(())
    }
}

/// Values that a column can be written from, in the way that suits them.
pub(super) trait Gathered {
    /// Writes the next column of a row group from it and empties it.
    fn write<W: Write + Send>(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError>;
}

impl Gathered for Values<i64> {
    fn write<W: Write + Send>(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        self.write_as::<Int64Type, W>(group)
    }
}

impl Gathered for Values<f64> {
    fn write<W: Write + Send>(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        self.write_as::<DoubleType, W>(group)
    }
}

impl Gathered for Values<bool> {
    fn write<W: Write + Send>(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        self.write_as::<BoolType, W>(group)
    }
}

fn write_column<D: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[D::T],
    levels: &Levels,
) -> Result<(), ParquetError> {
    let column = group.next_column()?;
    let mut column = column.ok_or_else(|| ParquetError::General("too many columns".to_owned()))?;
    let (definitions, repetitions) = levels.parts();
    column.typed::<D>().write_batch(values, definitions, repetitions)?;
    column.close()
}
