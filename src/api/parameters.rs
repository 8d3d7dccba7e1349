//! Query parameters: unknown ones are errors that name the nearest known one.

use super::error::ApiError;
use crate::limits;
use axum::extract::Query;
use axum::http::Uri;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// The parameters of one request, in the order sent. One without a value is the same as an
/// absent one, because forms send empty fields.
#[derive(Debug, Default)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads a query string.
    pub(super) fn of(query: Option<&str>, known: &[&str]) -> Result<Self, ApiError> {
        let uri = Uri::builder().path_and_query(format!("/?{}", query.unwrap_or_default()));
        let uri = uri.build().map_err(|_| ApiError::parameter("", "The query is malformed."))?;
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&uri)
            .map_err(|error| ApiError::parameter("", error.body_text()))?;
        for (name, value) in &pairs {
            if !known.contains(&name.as_str()) {
                return Err(unknown(name, known));
            }
            if value.len() > limits::PARAMETER_BYTES {
                let most = limits::PARAMETER_BYTES;
                return Err(ApiError::parameter(name, format!("At most {most} bytes.")));
            }
        }
        Ok(Self(pairs))
    }

    /// The value of a parameter that may stand once.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        let mut all = self.all(name);
        match (all.next(), all.next()) {
            (found, None) => Ok(found),
            _ => Err(ApiError::parameter(name, format!("{name} may be given once."))),
        }
    }

    /// The values of a parameter that may be repeated.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let given = self.0.iter().filter(move |(key, value)| key == name && !value.is_empty());
        given.map(|(_, value)| value.as_str())
    }

    /// Whether a parameter stands there without a value, for those where that is a mistake.
    pub(super) fn is_given_empty(&self, name: &str) -> bool {
        self.0.iter().any(|(key, value)| key == name && value.is_empty())
    }

    /// A number within bounds; what is out of them is an error that names them.
    pub(super) fn number<T>(
        &self,
        name: &str,
        bounds: RangeInclusive<T>,
    ) -> Result<Option<T>, ApiError>
    where
        T: FromStr + PartialOrd + Display,
    {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let number = text.parse().ok().filter(|number| bounds.contains(number));
        number.map(Some).ok_or_else(|| {
            let (least, most) = bounds.into_inner();
            ApiError::parameter(name, format!("{name} is a number from {least} to {most}."))
        })
    }
}

fn unknown(name: &str, known: &[&str]) -> ApiError {
    let short = &name[..name.floor_char_boundary(64)];
    let message = match (nearest(short, known), known) {
        (Some(nearest), _) => format!("There is no parameter {short}: try {nearest}."),
        (None, []) => format!("There is no parameter {short}: this takes none."),
        (None, known) => format!("There is no parameter {short}: known are {}.", known.join(", ")),
    };
    ApiError::parameter(short, message)
}

/// The known word that was probably meant.
pub(super) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let distances = known.iter().map(|known| (strsim::damerau_levenshtein(word, known), *known));
    let close = |(distance, known): &(usize, &str)| *distance <= known.len().max(4) / 2;
    distances.min().filter(close).map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] = ["service", "limit", "attr", "min_duration_ms"];

    fn message(query: &str) -> String {
        Parameters::of(Some(query), &KNOWN).unwrap_err().to_string()
    }

    #[test]
    fn a_slip_of_the_finger_is_named() {
        assert_eq!(message("sevrice=a"), "There is no parameter sevrice: try service.");
        assert_eq!(
            message("minDurationMs=1"),
            "There is no parameter minDurationMs: try min_duration_ms."
        );
        assert!(message("zzzzzzzzzzzzzzz=1").contains("known are service, limit"));
        assert!(message(&"é".repeat(9_000)).len() < 300);
    }

    #[test]
    fn values_are_decoded_bounded_and_counted() {
        let query = Some("service=a%20b+c&attr=x:1&attr=y:2&limit=");
        let found = Parameters::of(query, &KNOWN).unwrap();
        assert_eq!(found.text("service").unwrap(), Some("a b c"));
        assert_eq!(found.all("attr").collect::<Vec<_>>(), ["x:1", "y:2"]);
        assert_eq!(found.text("limit").unwrap(), None);
        assert!(found.text("attr").is_err());
        assert!(
            message(&format!("service={}", "a".repeat(limits::PARAMETER_BYTES + 1))).len() < 99
        );
    }

    #[test]
    fn numbers_out_of_bounds_are_refused_with_the_bounds() {
        for bad in ["0", "1001", "-1", "1e3", "abc", "1.5", "99999999999999999999999", "٣"] {
            let found = Parameters::of(Some(&format!("limit={bad}")), &KNOWN).unwrap();
            let error = found.number("limit", 1..=1_000_usize).unwrap_err().to_string();
            assert_eq!(error, "limit is a number from 1 to 1000.", "{bad}");
        }
        let found = Parameters::of(Some("min_duration_ms=1.5"), &KNOWN).unwrap();
        assert_eq!(found.number("min_duration_ms", 0.0..=1e12).unwrap(), Some(1.5));
        let nan = Parameters::of(Some("min_duration_ms=NaN"), &KNOWN).unwrap();
        assert!(nan.number("min_duration_ms", 0.0..=1e12).is_err());
    }
}
