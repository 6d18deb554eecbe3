//! Offline input: FHIR JSON in files or on standard input, as a resource, a Bundle or NDJSON, also gzipped.
//!
//! The text stays as it is. A first look at each resource tells which belong together, and only one such group at a time is
//! read as a whole: [`Entries`].

mod entries;

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::fhir::pool::Rejected;
pub use entries::{Entries, Group, Together};

/// Larger inputs than this, after decompression, are refused.
const MOST_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// A file that unpacks to more than this is refused when it is more than [`MOST_UNPACKED_TIMES`] its packed size.
const UNPACKED_BYTES_ALWAYS_TAKEN: u64 = 16 * 1024 * 1024;

/// FHIR JSON unpacks to some 10 to 50 times its packed size.
const MOST_UNPACKED_TIMES: u64 = 100;

/// Text of one file.
#[derive(Debug)]
pub struct InputText {
    /// Where it came from, for people.
    pub place: String,
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
            Ok(text) => input.texts.push(InputText { place, text }),
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
        bytes = unpacked(&bytes)?;
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8 text"))?;
    Ok(text
        .strip_prefix('\u{feff}')
        .map(str::to_owned)
        .unwrap_or(text))
}

fn unpacked(packed: &[u8]) -> io::Result<Vec<u8>> {
    let most = (packed.len() as u64)
        .saturating_mul(MOST_UNPACKED_TIMES)
        .clamp(UNPACKED_BYTES_ALWAYS_TAKEN, MOST_BYTES);
    let mut unpacked = Vec::new();
    let read = MultiGzDecoder::new(packed)
        .take(most + 1)
        .read_to_end(&mut unpacked)?;
    if read as u64 > most {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!(
                "it unpacks to more than {MOST_UNPACKED_TIMES} times its size; unpack it first"
            ),
        ));
    }
    Ok(unpacked)
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

    /// The keys of all resources, and what was rejected.
    fn all(input: &Input) -> (Vec<String>, Vec<Rejected>) {
        let mut rejected = Vec::new();
        let entries = Entries::look(input, false, &mut |one| rejected.push(one));
        let mut keys = Vec::new();
        for group in entries.groups() {
            if let Some(together) = group.read(&mut |one| rejected.push(one)) {
                keys.extend(together.pool.all().map(|resource| resource.key.clone()));
            }
        }
        (keys, rejected)
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
            let (keys, rejected) = all(&read_bytes(bytes));
            assert_eq!(keys[0], "Observation/o1");
            assert!(rejected.is_empty());
        }
    }

    #[test]
    fn what_is_no_json_is_named_with_line_and_column_and_costs_nothing_else() {
        let (keys, rejected) = all(&read_bytes(
            format!("{OBSERVATION}\n{{\"a\":oops}}\n").as_bytes(),
        ));
        assert_eq!(keys, ["Observation/o1"]);
        assert!(
            rejected[0].place.contains("line 2, column 6"),
            "{}",
            rejected[0].place
        );
        let missing = read(&[PathBuf::from("/no/such/file.json")]);
        assert_eq!(missing.rejected.len(), 1);
    }

    #[test]
    fn an_entry_that_cannot_be_taken_costs_no_other() {
        let twice = r#"{"resourceType":"Observation","id":"o2",
            "status":"final","status":"final"}"#;
        let many = format!(
            r#"{{"resourceType":"Observation","id":"o3","x":[{}0]}}"#,
            "0,".repeat(200_000)
        );
        let bundle = format!(
            r#"{{"resourceType":"Bundle","entry":[{{"resource":{twice}}},{{}},{{"resource":{many}}},{{"resource":{OBSERVATION}}}]}}"#
        );
        let (keys, rejected) = all(&read_bytes(bundle.as_bytes()));
        assert_eq!(keys, ["Observation/o1"]);
        let places: Vec<_> = rejected.iter().map(|one| one.place.as_str()).collect();
        assert_eq!(rejected.len(), 3, "{rejected:?}");
        for (place, index) in places.iter().zip(0..) {
            assert!(
                place.ends_with(&format!("Bundle.entry[{index}]")),
                "{place}"
            );
        }
    }

    #[test]
    fn what_unpacks_to_far_more_than_it_should_is_refused() {
        let mut zipped = GzEncoder::new(Vec::new(), Compression::best());
        for _ in 0..17 {
            zipped.write_all(&vec![b' '; 1024 * 1024]).unwrap();
        }
        let input = read_bytes(&zipped.finish().unwrap());
        assert!(input.texts.is_empty());
        assert!(input.rejected[0].why.contains("unpack it first"));
    }
}
