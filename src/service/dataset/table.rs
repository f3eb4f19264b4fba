//! A Parquet file that is written a group of rows at a time.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, FloatType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{Type, TypePtr};

use super::DatasetError;

/// The values of one column in a group of rows; none is ever missing.
pub(super) enum Values {
    Bool(Vec<bool>),
    Int(Vec<i64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    Text(Vec<String>),
    /// A list of four in each row.
    Floats(Vec<[f32; 4]>),
    /// A list of one in each row.
    Texts(Vec<String>),
}

/// A file under way. Its columns are those of its first group.
pub(super) struct Table {
    path: PathBuf,
    writer: SerializedFileWriter<File>,
}

impl Table {
    /// Begins a file with columns of the kinds of `columns`, whose values are not looked at.
    pub(super) fn create(path: &Path, columns: &[(String, Values)]) -> Result<Table, DatasetError> {
        let fields = columns.iter().map(|(name, values)| field(name, values)).collect::<Result<_, ParquetError>>()?;
        let schema = Arc::new(Type::group_type_builder("schema").with_fields(fields).build()?);
        let properties = Arc::new(WriterProperties::builder().set_compression(Compression::SNAPPY).build());
        let file = File::create_new(path).map_err(DatasetError::file(path))?;
        Ok(Table { path: path.to_owned(), writer: SerializedFileWriter::new(file, schema, properties)? })
    }

    /// Says something of the whole file.
    pub(super) fn note(&mut self, key: &str, value: String) {
        self.writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
    }

    /// Adds a group of rows.
    pub(super) fn append(&mut self, columns: &[(String, Values)]) -> Result<(), DatasetError> {
        let mut group = self.writer.next_row_group()?;
        for (_, values) in columns {
            let mut column = group.next_column()?.ok_or_else(|| ParquetError::General("a column too many".into()))?;
            write(&mut column, values)?;
            column.close()?;
        }
        group.close()?;
        Ok(())
    }

    /// Completes the file.
    pub(super) fn finish(mut self) -> Result<(), DatasetError> {
        self.writer.finish()?;
        self.writer.inner().sync_all().map_err(DatasetError::file(&self.path))
    }
}

/// A whole file of one group of rows.
pub(super) fn write_table(path: &Path, columns: &[(String, Values)]) -> Result<(), DatasetError> {
    let mut table = Table::create(path, columns)?;
    table.append(columns)?;
    table.finish()
}

fn field(name: &str, values: &Values) -> Result<TypePtr, ParquetError> {
    let leaf = |name: &str, physical: Physical| {
        let leaf = Type::primitive_type_builder(name, physical).with_repetition(Repetition::REQUIRED);
        let is_text = physical == Physical::BYTE_ARRAY;
        let leaf = if is_text { leaf.with_logical_type(Some(LogicalType::String)) } else { leaf };
        leaf.build().map(Arc::new)
    };
    // The standard's form of a list: a group that repeats a group of one element.
    let list = |physical: Physical| {
        let repeated = Type::group_type_builder("list")
            .with_repetition(Repetition::REPEATED)
            .with_fields(vec![leaf("element", physical)?])
            .build()?;
        Type::group_type_builder(name)
            .with_repetition(Repetition::REQUIRED)
            .with_logical_type(Some(LogicalType::List))
            .with_converted_type(ConvertedType::LIST)
            .with_fields(vec![Arc::new(repeated)])
            .build()
            .map(Arc::new)
    };
    match values {
        Values::Bool(_) => leaf(name, Physical::BOOLEAN),
        Values::Int(_) => leaf(name, Physical::INT64),
        Values::Float(_) => leaf(name, Physical::FLOAT),
        Values::Double(_) => leaf(name, Physical::DOUBLE),
        Values::Text(_) => leaf(name, Physical::BYTE_ARRAY),
        Values::Floats(_) => list(Physical::FLOAT),
        Values::Texts(_) => list(Physical::BYTE_ARRAY),
    }
}

fn write(column: &mut SerializedColumnWriter<'_>, values: &Values) -> Result<(), ParquetError> {
    let texts = |texts: &[String]| texts.iter().map(|text| ByteArray::from(text.as_str())).collect::<Vec<ByteArray>>();
    match values {
        Values::Bool(values) => column.typed::<BoolType>().write_batch(values, None, None)?,
        Values::Int(values) => column.typed::<Int64Type>().write_batch(values, None, None)?,
        Values::Float(values) => column.typed::<FloatType>().write_batch(values, None, None)?,
        Values::Double(values) => column.typed::<DoubleType>().write_batch(values, None, None)?,
        Values::Text(values) => column.typed::<ByteArrayType>().write_batch(&texts(values), None, None)?,
        Values::Floats(values) => {
            let flat = values.as_flattened();
            // Every element is there; the first of each row begins a list.
            let (there, begins) = (vec![1; flat.len()], [0, 1, 1, 1].repeat(values.len()));
            column.typed::<FloatType>().write_batch(flat, Some(&there), Some(&begins))?
        }
        Values::Texts(values) => {
            let (there, begins) = (vec![1; values.len()], vec![0; values.len()]);
            column.typed::<ByteArrayType>().write_batch(&texts(values), Some(&there), Some(&begins))?
        }
    };
    Ok(())
}
