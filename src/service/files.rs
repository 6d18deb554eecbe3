//! Offline input: FHIR JSON in files or on standard input, as a resource, a Bundle or NDJSON, also gzipped.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::fhir::dates::{Date, Precision};
use crate::fhir::json::Json;
use crate::fhir::pool::{Pool, Rejected};

/// Larger inputs than this, after decompression, are refused.
const MOST_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// Text of one file, or of one line of an NDJSON file.
#[derive(Debug)]
pub struct InputText {
    /// Where it came from, for people.
    pub place: String,
    /// First line of the text in its file, from 1; set for a line of NDJSON.
    pub line: Option<usize>,
    /// The text.
    pub text: String,
}

/// Everything that was read from files.
#[derive(Debug, Default)]
pub struct Input {
    /// Texts in the order given.
    pub texts: Vec<InputText>,
    /// Inputs that could not be read at all.
    pub rejected: Vec<Rejected>,
}

/// Reads files in the order given; `-` is standard input. A file that cannot be read is named and the rest goes on.
pub fn read(paths: &[PathBuf]) -> Input {
    let mut input = Input::default();
    for path in paths {
        let place = if path.as_os_str() == "-" {
            "standard input".to_owned()
        } else {
            path.display().to_string()
        };
        match text_of(path) {
            Ok(text) => take_text(&mut input, place, text),
            Err(error) => {
                let content = place.clone();
                input
                    .rejected
                    .push(Rejected::new(place, error.to_string(), &content));
            }
        }
    }
    input
}

fn text_of(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        io::stdin()
            .lock()
            .take(MOST_BYTES)
            .read_to_end(&mut bytes)?;
    } else {
        fs::File::open(path)?
            .take(MOST_BYTES)
            .read_to_end(&mut bytes)?;
    }
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut unpacked = Vec::new();
        MultiGzDecoder::new(bytes.as_slice())
            .take(MOST_BYTES)
            .read_to_end(&mut unpacked)?;
        bytes = unpacked;
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8 text"))?;
    Ok(text
        .strip_prefix('\u{feff}')
        .map(str::to_owned)
        .unwrap_or(text))
}

/// One JSON text, or else one text per line when the first line alone is a whole JSON value.
fn take_text(input: &mut Input, place: String, text: String) {
    let lines = || text.lines().filter(|line| !line.trim().is_empty());
    let is_ndjson = lines().nth(1).is_some()
        && lines()
            .next()
            .is_some_and(|line| serde_json::from_str::<&serde_json::value::RawValue>(line).is_ok());
    if !is_ndjson {
        input.texts.push(InputText {
            place,
            line: None,
            text,
        });
        return;
    }
    for (index, line) in text.lines().enumerate() {
        if !line.trim().is_empty() {
            input.texts.push(InputText {
                place: place.clone(),
                line: Some(index + 1),
                text: line.to_owned(),
            });
        }
    }
}

impl Input {
    /// Takes every resource into a pool. What is no FHIR JSON is named with line and position.
    pub fn pool(&self) -> (Pool<'_>, Vec<Rejected>) {
        let mut pool = Pool::new(None);
        let mut rejected = self.rejected.clone();
        for input in &self.texts {
            match Json::parse(&input.text) {
                Ok(json) => add(&mut pool, json, None, &input.place(), &mut rejected),
                Err(error) => {
                    let line = input.line.unwrap_or(1) + error.line - 1;
                    let place = format!("{}, line {line}, column {}", input.place, error.column);
                    rejected.push(Rejected::new(place, error.why.to_owned(), &input.text));
                }
            }
        }
        (pool, rejected)
    }
}

impl InputText {
    fn place(&self) -> String {
        match self.line {
            Some(line) => format!("{}, line {line}", self.place),
            None => format!("{}, line 1", self.place),
        }
    }
}

/// A resource into the pool; of a Bundle, its entries.
fn add<'a>(
    pool: &mut Pool<'a>,
    json: Json<'a>,
    full_url: Option<&str>,
    place: &str,
    rejected: &mut Vec<Rejected>,
) {
    if json.text_at("resourceType") != Some("Bundle") {
        rejected.extend(pool.add(json, full_url, place).err());
        return;
    }
    for (index, entry) in json.items_at("entry").iter().enumerate() {
        let place = format!("{place}, Bundle.entry[{index}]");
        match entry.get("resource") {
            Some(resource) => add(
                pool,
                resource.clone(),
                entry.text_at("fullUrl"),
                &place,
                rejected,
            ),
            None => {
                let content = place.clone();
                rejected.push(Rejected::new(
                    place,
                    "an entry without a resource".to_owned(),
                    &content,
                ));
            }
        }
    }
}

/// The newest moment that any input states, as a FHIR instant: `issued` and `recorded` of what is derived offline, so
/// that the same input gives the same bytes.
pub fn newest_moment(pool: &Pool<'_>) -> String {
    let mut newest: Option<Date> = None;
    for resource in pool.all() {
        let stated = [
            resource.json.text_at("issued"),
            resource.json.text_at("effectiveDateTime"),
            resource.json.text_at("authored"),
        ];
        let dates = stated.into_iter().flatten().filter_map(Date::parse);
        newest = dates
            .chain(resource.last_updated.clone())
            .chain(newest)
            .max();
    }
    match newest {
        Some(date) if date.precision() == Precision::Instant => date.text().to_owned(),
        Some(date) => date.earliest().format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        None => "1970-01-01T00:00:00Z".to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const OBSERVATION: &str = r#"{"resourceType":"Observation","id":"o1","status":"final"}"#;

    fn read_bytes(bytes: &[u8]) -> Input {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        read(&[file.path().to_owned()])
    }

    #[test]
    fn a_resource_a_bundle_and_ndjson_also_gzipped_give_the_same_resource() {
        let bundle = format!(
            r#"{{"resourceType":"Bundle","type":"collection","entry":[{{"resource":{OBSERVATION}}}]}}"#
        );
        let ndjson = format!("{OBSERVATION}\n\n{}\n", OBSERVATION.replace("o1", "o2"));
        let mut zipped = GzEncoder::new(Vec::new(), Compression::fast());
        zipped.write_all(ndjson.as_bytes()).unwrap();
        for bytes in [
            OBSERVATION.as_bytes(),
            bundle.as_bytes(),
            ndjson.as_bytes(),
            &zipped.finish().unwrap(),
        ] {
            let input = read_bytes(bytes);
            let (pool, rejected) = input.pool();
            assert!(pool.get("Observation/o1").is_some());
            assert!(rejected.is_empty());
        }
    }

    #[test]
    fn what_is_no_json_is_named_with_line_and_column_and_costs_nothing_else() {
        let input = read_bytes(format!("{OBSERVATION}\n{{\"a\":oops}}\n").as_bytes());
        let (pool, rejected) = input.pool();
        assert!(pool.get("Observation/o1").is_some());
        assert!(
            rejected[0].place.contains("line 2, column 6"),
            "{}",
            rejected[0].place
        );
        let missing = read(&[PathBuf::from("/no/such/file.json")]);
        assert_eq!(missing.rejected.len(), 1);
    }
}
