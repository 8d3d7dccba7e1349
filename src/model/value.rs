//! Attribute values, borrowed from the batch they arrived in.

/// One attribute: its key as sent and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute<'a> {
    /// The key, as sent.
    pub key: &'a str,
    /// The value, as sent.
    pub value: Value<'a>,
}

/// OTLP's `AnyValue`.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// A key without a value.
    Empty,
    /// Text.
    Text(&'a str),
    /// True or false.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// A floating-point number, which may be NaN or infinite.
    Double(f64),
    /// Raw bytes.
    Bytes(&'a [u8]),
    /// A list; its items may be of different types.
    Array(Vec<Value<'a>>),
    /// Nested key-value pairs; keys may repeat.
    Map(Vec<Attribute<'a>>),
}

impl<'a> Value<'a> {
    /// The text, if this is text.
    pub fn as_text(&self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number from an integer, an integral double, or a decimal string: instrumentations
    /// send token counts as any of the three.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Double(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
                Some(*number as i64)
            }
            Self::Text(text) => {
                let text = text.trim();
                text.parse().ok().or_else(|| Value::Double(text.parse().ok()?).as_i64())
            }
            _ => None,
        }
    }

    /// A finite number from an integer, a double, or a decimal string.
    pub fn as_f64(&self) -> Option<f64> {
        let number = match self {
            Self::Int(number) => *number as f64,
            Self::Double(number) => *number,
            Self::Text(text) => text.trim().parse().ok()?,
            _ => return None,
        };
        number.is_finite().then_some(number)
    }
}

/// The value of the first attribute with this key.
pub fn find<'s, 'a>(attributes: &'s [Attribute<'a>], key: &str) -> Option<&'s Value<'a>> {
    attributes.iter().find(|attribute| attribute.key == key).map(|attribute| &attribute.value)
}
