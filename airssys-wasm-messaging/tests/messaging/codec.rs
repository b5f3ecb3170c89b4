//! Payloads with a multicodec prefix: what is read, what is refused, and that garbage is an error.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use borsh::{BorshDeserialize, BorshSerialize};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use airssys_wasm_core::Codec;
use airssys_wasm_messaging::{
    CodecError, MAX_BORSH_STACK_BYTES, MAX_CODEC_BYTES, MAX_CODEC_DEPTH, decode_multicodec,
    encode_multicodec, from_borsh, from_cbor, from_json, to_borsh, to_cbor, to_json,
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    id: u64,
    delta: i32,
    name: String,
    kind: Kind,
    tags: Vec<String>,
    note: Option<String>,
    raw: Vec<u8>,
    shares: BTreeMap<String, u16>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Kind {
    Plain,
    Weighted(f64),
    Placed { x: i16, y: i16 },
}

#[derive(Serialize)]
struct NewType(f64);

#[derive(Serialize)]
enum Shape {
    Pair(f64, f64),
    Named { x: f64 },
}

fn order() -> Order {
    Order {
        id: 7,
        delta: -1,
        name: "order".to_owned(),
        kind: Kind::Plain,
        tags: vec!["tag".to_owned()],
        note: None,
        raw: vec![1, 2, 3],
        shares: BTreeMap::from([("a".to_owned(), 1)]),
    }
}

/// A structure in Borsh is its fields in order.
impl BorshSerialize for Order {
    fn serialize<W: Write>(&self, out: &mut W) -> io::Result<()> {
        let first = (self.id, self.delta, &self.name, &self.kind);
        let then = (&self.tags, &self.note, &self.raw, &self.shares);
        BorshSerialize::serialize(&(first, then), out)
    }
}

impl BorshDeserialize for Order {
    fn deserialize_reader<R: Read>(bytes: &mut R) -> io::Result<Self> {
        let (id, delta, name, kind) = BorshDeserialize::deserialize_reader(bytes)?;
        let (tags, note, raw, shares) = BorshDeserialize::deserialize_reader(bytes)?;
        Ok(Self { id, delta, name, kind, tags, note, raw, shares })
    }
}

/// An enumeration in Borsh is the number of the variant and its fields.
impl BorshSerialize for Kind {
    fn serialize<W: Write>(&self, out: &mut W) -> io::Result<()> {
        match self {
            Self::Plain => BorshSerialize::serialize(&0_u8, out),
            Self::Weighted(weight) => BorshSerialize::serialize(&(1_u8, weight), out),
            Self::Placed { x, y } => BorshSerialize::serialize(&(2_u8, x, y), out),
        }
    }
}

impl BorshDeserialize for Kind {
    fn deserialize_reader<R: Read>(bytes: &mut R) -> io::Result<Self> {
        match u8::deserialize_reader(bytes)? {
            0 => Ok(Self::Plain),
            1 => Ok(Self::Weighted(BorshDeserialize::deserialize_reader(bytes)?)),
            2 => {
                let (x, y) = BorshDeserialize::deserialize_reader(bytes)?;
                Ok(Self::Placed { x, y })
            }
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Plain),
        // JSON numbers are read to the nearest in the last place; whole ones are exact everywhere.
        any::<i32>().prop_map(|whole| Kind::Weighted(f64::from(whole))),
        any::<(i16, i16)>().prop_map(|(x, y)| Kind::Placed { x, y }),
    ]
}

fn orders() -> impl Strategy<Value = Order> {
    let text = proptest::collection::vec(any::<char>(), 0..12).prop_map(String::from_iter);
    let tags = proptest::collection::vec(text.clone(), 0..5);
    let shares = proptest::collection::btree_map(text.clone(), any::<u16>(), 0..5);
    let raw = proptest::collection::vec(any::<u8>(), 0..40);
    (any::<(u64, i32)>(), text.clone(), kinds(), tags, proptest::option::of(text), raw, shares).prop_map(
        |((id, delta), name, kind, tags, note, raw, shares)| Order {
            id,
            delta,
            name,
            kind,
            tags,
            note,
            raw,
            shares,
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(order in orders()) {
        prop_assert_eq!(&from_borsh::<Order>(&to_borsh(&order).unwrap()).unwrap(), &order);
        prop_assert_eq!(&from_cbor::<Order>(&to_cbor(&order).unwrap()).unwrap(), &order);
        prop_assert_eq!(&from_json::<Order>(&to_json(&order).unwrap()).unwrap(), &order);
    }

    #[test]
    fn a_body_comes_back_as_it_went(body in proptest::collection::vec(any::<u8>(), 0..64)) {
        for codec in Codec::ALL {
            let payload = encode_multicodec(codec, &body).unwrap();
            prop_assert_eq!(decode_multicodec(&payload).unwrap(), (codec, &body[..]));
        }
    }

    #[test]
    fn a_payload_that_is_cut_short_is_refused(order in orders(), cut in any::<prop::sample::Index>()) {
        let payloads = [to_borsh(&order).unwrap(), to_cbor(&order).unwrap(), to_json(&order).unwrap()];
        for payload in payloads {
            let short = &payload[..cut.index(payload.len())];
            prop_assert!(from_borsh::<Order>(short).is_err());
            prop_assert!(from_cbor::<Order>(short).is_err());
            prop_assert!(from_json::<Order>(short).is_err());
        }
    }

    #[test]
    fn more_bytes_after_a_value_are_refused(order in orders(), more in 1_usize..9) {
        let extended = |mut payload: Vec<u8>| {
            payload.extend(std::iter::repeat_n(b'0', more));
            payload
        };
        let trailing = |error: CodecError| match error {
            CodecError::TrailingBytes { codec, bytes } => (codec, bytes),
            other => panic!("{other:?}"),
        };
        let borsh = from_borsh::<Order>(&extended(to_borsh(&order).unwrap())).map_err(trailing);
        prop_assert_eq!(borsh, Err((Codec::Borsh, more)));
        let cbor = from_cbor::<Order>(&extended(to_cbor(&order).unwrap())).map_err(trailing);
        prop_assert_eq!(cbor, Err((Codec::Cbor, more)));
        let json = from_json::<Order>(&extended(to_json(&order).unwrap())).map_err(trailing);
        prop_assert_eq!(json, Err((Codec::Json, more)));
    }

    /// Whatever comes in, the answer is a value or an error, and a value that was read can be written.
    #[test]
    fn garbage_is_an_error_and_no_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        for codec in Codec::ALL {
            let payload = encode_multicodec(codec, &body).unwrap();
            if let Ok(order) = from_borsh::<Order>(&payload) {
                prop_assert_eq!(to_borsh(&order).unwrap(), payload.clone(), "borsh has one form of each value");
            }
            if let Ok(value) = from_cbor::<ciborium::Value>(&payload) {
                prop_assert!(to_cbor(&value).is_ok());
            }
            if let Ok(value) = from_json::<serde_json::Value>(&payload) {
                prop_assert!(to_json(&value).is_ok());
            }
        }
    }

    #[test]
    fn a_prefix_is_read_as_the_varint_that_it_is(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
        if let Ok((codec, body)) = decode_multicodec(&bytes) {
            prop_assert_eq!(encode_multicodec(codec, body).unwrap(), bytes, "one form of each prefix");
        }
    }
}

#[test]
fn prefixes_are_those_of_the_table() {
    for (codec, prefix) in
        [(Codec::Cbor, &[0x51][..]), (Codec::Json, &[0x80, 0x04]), (Codec::Borsh, &[0x81, 0x8e, 0xc0, 0x01])]
    {
        assert_eq!(encode_multicodec(codec, b"").unwrap(), prefix, "{codec}");
        assert_eq!(Codec::from_code(codec.code()), Some(codec));
    }
    assert_eq!(Codec::from_code(0x0701), None);
}

#[test]
fn a_prefix_has_one_form() {
    assert!(matches!(decode_multicodec(b""), Err(CodecError::Truncated)));
    assert!(matches!(decode_multicodec(&[0x80]), Err(CodecError::Truncated)));
    assert!(
        matches!(decode_multicodec(&[0xd1, 0x00]), Err(CodecError::MalformedPrefix)),
        "0x51 in two bytes"
    );
    assert!(matches!(decode_multicodec(&[0xff; 16]), Err(CodecError::MalformedPrefix)));
    let overlong = [0xd1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02];
    assert!(matches!(decode_multicodec(&overlong), Err(CodecError::MalformedPrefix)), "bits past a code");
    assert!(matches!(decode_multicodec(&[0x55, 1]), Err(CodecError::UnknownCodec { code: 0x55 })));
    assert_eq!(
        decode_multicodec(&[0x55]).unwrap_err().to_string(),
        "unknown multicodec 0x55; known are cbor (0x51), json (0x200) and borsh (0x300701)"
    );
}

#[test]
fn a_codec_is_not_mistaken_for_another() {
    let error = from_json::<u8>(&to_cbor(&1_u8).unwrap()).unwrap_err();
    assert!(matches!(error, CodecError::OtherCodec { expected: Codec::Json, found: Codec::Cbor }));
    assert_eq!(error.to_string(), "the payload is cbor, not json");
}

#[test]
fn a_length_that_lies_takes_no_memory() {
    // A list of 4 thousand million elements, in 4 bytes of Borsh and in 9 bytes of CBOR.
    let borsh = encode_multicodec(Codec::Borsh, &[0xff; 4]).unwrap();
    assert!(matches!(from_borsh::<Vec<u64>>(&borsh), Err(CodecError::Body { codec: Codec::Borsh, .. })));
    assert!(from_borsh::<String>(&borsh).is_err());
    for head in [0x5b, 0x7b, 0x9b, 0xbb] {
        let body = [&[head][..], &[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]].concat();
        let cbor = encode_multicodec(Codec::Cbor, &body).unwrap();
        let error = from_cbor::<ciborium::Value>(&cbor).unwrap_err();
        assert!(matches!(error, CodecError::Body { codec: Codec::Cbor, .. }), "{head:#x}: {error:?}");
    }
}

fn nested(open: u8, innermost: &[u8], close: &[u8], levels: usize) -> Vec<u8> {
    [&vec![open; levels][..], innermost, &close.repeat(levels)].concat()
}

#[test]
fn what_nests_too_deep_is_refused_at_once() {
    let json = |levels| encode_multicodec(Codec::Json, &nested(b'[', b"", b"]", levels)).unwrap();
    assert!(from_json::<serde_json::Value>(&json(MAX_CODEC_DEPTH)).is_ok());
    let cbor = |levels| encode_multicodec(Codec::Cbor, &nested(0x81, &[0x00], &[], levels)).unwrap();
    assert!(from_cbor::<ciborium::Value>(&cbor(MAX_CODEC_DEPTH)).is_ok());
    for levels in [MAX_CODEC_DEPTH + 1, 1_000_000] {
        let error = from_json::<serde_json::Value>(&json(levels)).unwrap_err();
        assert!(matches!(error, CodecError::TooDeep { codec: Codec::Json, .. }), "{levels}: {error:?}");
        let error = from_cbor::<ciborium::Value>(&cbor(levels)).unwrap_err();
        assert!(matches!(error, CodecError::TooDeep { codec: Codec::Cbor, .. }), "{levels}: {error:?}");
    }
}

/// A type that holds itself, one byte to a level.
#[derive(Debug)]
enum Chain {
    End,
    Link(Box<Self>),
}

impl Chain {
    fn levels(&self) -> usize {
        let (mut levels, mut chain) = (0, self);
        while let Self::Link(next) = chain {
            (levels, chain) = (levels + 1, next);
        }
        levels
    }
}

impl BorshDeserialize for Chain {
    fn deserialize_reader<R: Read>(bytes: &mut R) -> io::Result<Self> {
        match u8::deserialize_reader(bytes)? {
            0 => Ok(Self::End),
            _ => Ok(Self::Link(Box::new(Self::deserialize_reader(bytes)?))),
        }
    }
}

#[test]
fn a_type_that_holds_itself_exhausts_no_stack() {
    let chain = |levels| {
        let mut body = vec![1; levels];
        body.push(0);
        from_borsh::<Chain>(&encode_multicodec(Codec::Borsh, &body).unwrap())
    };
    for levels in [0, 1, MAX_CODEC_DEPTH] {
        assert_eq!(chain(levels).unwrap().levels(), levels);
    }
    for levels in [100_000, MAX_CODEC_BYTES - 100] {
        let error = chain(levels).unwrap_err();
        let max_bytes = MAX_BORSH_STACK_BYTES;
        assert!(
            matches!(error, CodecError::TooMuchStack { codec: Codec::Borsh, max_bytes: max } if max == max_bytes),
            "{levels}: {error:?}"
        );
    }
    // Whatever is read at each level.
    type Row = Vec<Vec<Vec<Vec<u8>>>>;
    let flat = to_borsh(&vec![vec![vec![vec![7_u8; 3]; 3]; 3]; 3]).unwrap();
    assert_eq!(from_borsh::<Row>(&flat).unwrap().len(), 3);
}

#[test]
fn brackets_in_texts_do_not_nest() {
    let text = "[{".repeat(MAX_CODEC_DEPTH) + "\"\\[";
    assert_eq!(from_json::<String>(&to_json(&text).unwrap()).unwrap(), text);
}

#[test]
fn json_may_end_in_white_space_and_in_nothing_else() {
    let json = |body: &[u8]| encode_multicodec(Codec::Json, body).unwrap();
    assert_eq!(from_json::<Vec<u8>>(&json(b" [1] \n")).unwrap(), [1]);
    assert!(matches!(from_json::<u8>(&json(b"1 2")), Err(CodecError::TrailingBytes { bytes: 1, .. })));
    assert!(matches!(from_json::<u8>(&json(b"")), Err(CodecError::Body { .. })));
    assert!(matches!(from_json::<String>(&json(b"\"\xff\"")), Err(CodecError::Body { .. })));
}

#[test]
fn the_largest_payload_is_exact() {
    let body = vec![0; MAX_CODEC_BYTES];
    assert!(matches!(encode_multicodec(Codec::Cbor, &body), Err(CodecError::TooLarge { .. })));
    let payload = encode_multicodec(Codec::Cbor, &body[1..]).unwrap();
    assert_eq!(payload.len(), MAX_CODEC_BYTES);
    assert!(decode_multicodec(&payload).is_ok());
    assert!(matches!(decode_multicodec(&[payload, vec![0]].concat()), Err(CodecError::TooLarge { .. })));
    let text = "x".repeat(MAX_CODEC_BYTES);
    assert!(matches!(to_borsh(&text), Err(CodecError::TooLarge { .. })));
    assert!(matches!(to_cbor(&text), Err(CodecError::TooLarge { .. })));
    assert!(matches!(to_json(&text), Err(CodecError::TooLarge { .. })));
}

#[test]
fn what_a_codec_has_no_form_for_is_told() {
    assert!(matches!(to_borsh(&f32::NAN), Err(CodecError::Unwritable { codec: Codec::Borsh, .. })));
    let keys = BTreeMap::from([((1, 2), 3)]);
    assert!(matches!(to_json(&keys), Err(CodecError::Unwritable { codec: Codec::Json, .. })));
    assert!(from_cbor::<f32>(&to_cbor(&f32::NAN).unwrap()).unwrap().is_nan());
    // Where a number that JSON does not have could be; elsewhere it is written as it is.
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.5] {
        let order = Order { kind: Kind::Weighted(number), ..order() };
        let map = BTreeMap::from([("number", Some([(number, 1)]))]);
        let written = [
            to_json(&number),
            to_json(&(number as f32)),
            to_json(&vec![1.0, number]),
            to_json(&map),
            to_json(&order),
            to_json(&NewType(number)),
            to_json(&Shape::Pair(1.0, number)),
            to_json(&Shape::Named { x: number }),
        ];
        for (place, written) in written.into_iter().enumerate() {
            match written {
                Ok(payload) => assert!(number.is_finite(), "{place}: {payload:?}"),
                Err(error) => assert!(
                    !number.is_finite() && matches!(error, CodecError::Unwritable { codec: Codec::Json, .. }),
                    "{place}: {error:?}"
                ),
            }
        }
    }
    assert_eq!(to_json(&(1.5, None::<f64>, ())).unwrap(), b"\x80\x04[1.5,null,null]");
}
