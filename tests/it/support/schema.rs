//! Enough of JSON Schema to check what is printed for programs against its published schema. A word of the schema that
//! isn't known here is an error, so that nothing goes unchecked.

use serde_json::Value;

/// The published schema `docs/NAME.schema.json`.
pub fn published(name: &str) -> Value {
    let path = super::repository().join(format!("docs/{name}.schema.json"));
    let text = std::fs::read_to_string(path).expect("it is published");
    serde_json::from_str(&text).expect("it is JSON")
}

/// Every way in which `value` isn't what `schema` says.
pub fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    check(schema, schema, value, "$", &mut faults);
    faults
}

fn check(root: &Value, schema: &Value, value: &Value, place: &str, faults: &mut Vec<String>) {
    for (word, wanted) in schema.as_object().expect("a schema is an object") {
        let mut fault = |what: String| faults.push(format!("{place}: {what}"));
        match word.as_str() {
            "$schema" | "$id" | "$defs" | "title" | "description" => {}
            "type" => {
                let fits = match wanted.as_str().expect("one type") {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "integer" => value.is_i64() || value.is_u64(),
                    other => panic!("unknown type `{other}`"),
                };
                if !fits {
                    fault(format!("{value} isn't of type {wanted}"));
                }
            }
            "const" if value != wanted => fault(format!("{value} isn't {wanted}")),
            "enum" if !list(wanted).contains(value) => fault(format!("{value} isn't one of {wanted}")),
            "const" | "enum" => {}
            "minimum" => {
                if value.as_i64().is_some_and(|n| n < wanted.as_i64().expect("a number")) {
                    fault(format!("{value} is less than {wanted}"));
                }
            }
            "pattern" => {
                let text = value.as_str().unwrap_or_default();
                let fits = match wanted.as_str().expect("a pattern") {
                    "^[0-9a-f]{64}$" => {
                        text.len() == 64 && text.bytes().all(|b| b"0123456789abcdef".contains(&b))
                    }
                    "^[!-~]{1,20}$" => {
                        (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
                    }
                    other => panic!("unknown pattern `{other}`"),
                };
                if !fits {
                    fault(format!("{value} doesn't match {wanted}"));
                }
            }
            "required" => {
                for name in list(wanted).iter().filter_map(Value::as_str) {
                    if value.get(name).is_none() {
                        fault(format!("`{name}` is missing"));
                    }
                }
            }
            "properties" => {
                let known = wanted.as_object().expect("an object");
                for (name, inner) in value.as_object().into_iter().flatten() {
                    match known.get(name) {
                        Some(schema) => check(root, schema, inner, &format!("{place}.{name}"), faults),
                        None if schema["additionalProperties"] == false => {
                            faults.push(format!("{place}: `{name}` isn't in the schema"));
                        }
                        None => {}
                    }
                }
            }
            "additionalProperties" => assert_eq!(*wanted, false, "the one value that is known here"),
            "items" => {
                for (index, inner) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, wanted, inner, &format!("{place}[{index}]"), faults);
                }
            }
            "$ref" => {
                let name = wanted.as_str().and_then(|r| r.strip_prefix("#/$defs/")).expect("a reference");
                check(root, &root["$defs"][name], value, place, faults);
            }
            other => panic!("the schema's word `{other}` isn't known here"),
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).expect("a list")
}
