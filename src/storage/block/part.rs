//! One Parquet file of a block: its footer, and columns decoded from it.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use parquet::bloom_filter::Sbbf;
use parquet::column::page::{Page, PageReader};
use parquet::column::reader::get_column_reader;
use parquet::column::reader::{ColumnReaderImpl, get_typed_column_reader};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArrayType, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::serialized_reader::SerializedPageReader;

use super::cache::{NO_TEXT, TextColumn};
use super::file::SummedFile;

/// An open file.
pub(in crate::storage) struct Part {
    file: Arc<SummedFile>,
    footer: ParquetMetaData,
}

/// Values of a column with the levels that tell nulls and lists.
#[derive(Debug)]
pub(super) struct Levelled<T> {
    pub(super) values: Vec<T>,
    pub(super) definitions: Vec<i16>,
    pub(super) repetitions: Vec<i16>,
}

impl Part {
    /// Reads the footer.
    pub(super) fn open(file: SummedFile) -> Result<Self, ParquetError> {
        let reader = ParquetMetaDataReader::new()
            .with_column_index_policy(PageIndexPolicy::Skip)
            .with_offset_index_policy(PageIndexPolicy::Required);
        let footer = reader.parse_and_finish(&file)?;
        Ok(Self { file: Arc::new(file), footer })
    }

    /// Row groups in it.
    pub(super) fn groups(&self) -> usize {
        self.footer.num_row_groups()
    }

    /// Rows of a row group.
    pub(super) fn rows(&self, group: usize) -> usize {
        usize::try_from(self.footer.row_group(group).num_rows()).unwrap_or(0)
    }

    /// Whether it has this column: early blocks lack the later ones.
    pub(super) fn has(&self, leaf: usize) -> bool {
        leaf < self.footer.file_metadata().schema_descr().num_columns()
    }

    /// Bytes of a row group before they were compressed.
    pub(super) fn unpacked_bytes(&self, group: usize) -> u64 {
        u64::try_from(self.footer.row_group(group).total_byte_size()).unwrap_or(0)
    }

    /// The filter over the ids of a column of a row group.
    pub(super) fn filter(&self, group: usize, leaf: usize) -> Result<Option<Sbbf>, ParquetError> {
        Sbbf::read_from_column_chunk(self.footer.row_group(group).column(leaf), &*self.file)
    }

    fn pages(
        &self,
        group: usize,
        leaf: usize,
    ) -> Result<SerializedPageReader<SummedFile>, ParquetError> {
        let chunk = self.footer.row_group(group).column(leaf);
        let pages = self.footer.page_index_for_row_group(group).page_locations(leaf).cloned();
        SerializedPageReader::new(Arc::clone(&self.file), chunk, self.rows(group), pages)
    }

    fn reader<T: DataType>(
        &self,
        group: usize,
        leaf: usize,
    ) -> Result<ColumnReaderImpl<T>, ParquetError> {
        let descriptor = self.footer.row_group(group).column(leaf).column_descr_ptr();
        let reader = get_column_reader(descriptor, Box::new(self.pages(group, leaf)?));
        Ok(get_typed_column_reader::<T>(reader))
    }

    /// The rows of those pages of a column of texts for whose bytes `test` holds. Texts stand in
    /// them one after the other, so what stands in no page stands in no row.
    pub(super) fn rows_of_pages_where(
        &self,
        group: usize,
        leaf: usize,
        test: impl Fn(&[u8]) -> bool,
    ) -> Result<Vec<Range<usize>>, ParquetError> {
        let index = self.footer.page_index_for_row_group(group);
        let locations = index.page_locations(leaf);
        let locations = locations.ok_or_else(|| ParquetError::General("no index".to_owned()))?;
        let first = |page: usize| {
            let row = locations.get(page).map(|location| location.first_row_index);
            row.map_or(self.rows(group), |row| usize::try_from(row).unwrap_or(0))
        };
        let (mut found, mut number) = (Vec::new(), 0);
        let mut pages = self.pages(group, leaf)?;
        while let Some(page) = pages.get_next_page()? {
            if matches!(page, Page::DictionaryPage { .. }) {
                continue;
            }
            if test(page.buffer()) {
                found.push(first(number)..first(number + 1));
            }
            number += 1;
        }
        Ok(found)
    }

    /// A column of a row group: all of it, or these rows, which are in order.
    pub(super) fn column<T: DataType>(
        &self,
        group: usize,
        leaf: usize,
        rows: Option<&[usize]>,
    ) -> Result<Levelled<T::T>, ParquetError> {
        let mut reader = self.reader::<T>(group, leaf)?;
        let all = [0];
        let (rows, one) = match rows {
            Some(rows) => (rows, 1),
            None => (&all[..], self.rows(group)),
        };
        let descriptor = self.footer.row_group(group).column(leaf).column_descr_ptr();
        let mut found =
            Levelled { values: Vec::new(), definitions: Vec::new(), repetitions: Vec::new() };
        let (mut at, mut next) = (0, 0);
        while next < rows.len() {
            let first = rows[next];
            let run = rows[next..].iter().zip(first..).take_while(|(row, want)| *row == want);
            let run = run.count();
            reader.skip_records(first - at)?;
            let wanted = run * one;
            let definitions = (descriptor.max_def_level() > 0).then_some(&mut found.definitions);
            let repetitions = (descriptor.max_rep_level() > 0).then_some(&mut found.repetitions);
            let mut got = 0;
            let (mut definitions, mut repetitions) = (definitions, repetitions);
            while got < wanted {
                let (records, ..) = reader.read_records(
                    wanted - got,
                    definitions.as_deref_mut(),
                    repetitions.as_deref_mut(),
                    &mut found.values,
                )?;
                if records == 0 {
                    return Err(ParquetError::EOF("a column ends early".to_owned()));
                }
                got += records;
            }
            at = first + wanted;
            next += run;
        }
        Ok(found)
    }

    /// Texts of a column, those that are null as empty ones.
    pub(super) fn texts(
        &self,
        group: usize,
        leaf: usize,
        rows: Option<&[usize]>,
    ) -> Result<Vec<ByteArray>, ParquetError> {
        let column = self.column::<ByteArrayType>(group, leaf, rows)?;
        Ok(spread(column, ByteArray::from(Vec::new())))
    }

    /// Ids of a column; empty where there is none.
    pub(super) fn ids(
        &self,
        group: usize,
        leaf: usize,
        rows: Option<&[usize]>,
    ) -> Result<Vec<ByteArray>, ParquetError> {
        let column = self.column::<FixedLenByteArrayType>(group, leaf, rows)?;
        let Levelled { values, definitions, repetitions } = column;
        let values = values.into_iter().map(ByteArray::from).collect();
        let column = Levelled { values, definitions, repetitions };
        Ok(spread(column, ByteArray::from(Vec::new())))
    }

    /// Numbers of a column; `none` where there is none.
    pub(super) fn longs(
        &self,
        group: usize,
        leaf: usize,
        rows: Option<&[usize]>,
        none: i64,
    ) -> Result<Vec<i64>, ParquetError> {
        Ok(spread(self.column::<Int64Type>(group, leaf, rows)?, none))
    }

    /// Doubles of a column; NaN where there is none.
    pub(super) fn doubles(
        &self,
        group: usize,
        leaf: usize,
        rows: Option<&[usize]>,
    ) -> Result<Vec<f64>, ParquetError> {
        Ok(spread(self.column::<DoubleType>(group, leaf, rows)?, f64::NAN))
    }

    /// Flags of a column.
    pub(super) fn flags(
        &self,
        group: usize,
        leaf: usize,
        rows: Option<&[usize]>,
    ) -> Result<Vec<bool>, ParquetError> {
        Ok(self.column::<BoolType>(group, leaf, rows)?.values)
    }

    /// A column of texts that repeat.
    pub(super) fn text_column(
        &self,
        group: usize,
        leaf: usize,
        rows: Option<&[usize]>,
    ) -> Result<TextColumn, ParquetError> {
        let column = self.column::<ByteArrayType>(group, leaf, rows)?;
        let mut found = TextColumn::default();
        let mut known: HashMap<Box<[u8]>, u32, foldhash::fast::RandomState> = HashMap::default();
        let mut values = column.values.into_iter();
        let mut code = |value: ByteArray| -> Result<u32, ParquetError> {
            if let Some(code) = known.get(value.data()) {
                return Ok(*code);
            }
            let code = u32::try_from(found.values.len()).unwrap_or(NO_TEXT);
            found.values.push(value.as_utf8()?.into());
            known.insert(value.data().into(), code);
            Ok(code)
        };
        let mut codes = Vec::with_capacity(column.definitions.len().max(values.len()));
        if column.definitions.is_empty() {
            for value in values {
                codes.push(code(value)?);
            }
        } else {
            for definition in column.definitions {
                let value = (definition > 0).then(|| values.next()).flatten();
                codes.push(value.map_or(Ok(NO_TEXT), &mut code)?);
            }
        }
        found.codes = codes;
        Ok(found)
    }
}

/// The values of a column that is no list, a row each.
fn spread<T: Clone>(column: Levelled<T>, none: T) -> Vec<T> {
    if column.definitions.is_empty() {
        return column.values;
    }
    let mut values = column.values.into_iter();
    let rows = column.definitions.into_iter();
    rows.map(|defined| (defined > 0).then(|| values.next()).flatten().unwrap_or(none.clone()))
        .collect()
}
