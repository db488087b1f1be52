//! What holds for any bytes and any values: what is written is read back, however the stream is cut, and no bytes make
//! a reader panic or keep more than its limit.

use bytes::{Bytes, BytesMut};
use pomelo_protocol::{
    dictionary::Dictionary,
    message::{Message, RouteRef},
    package::{Package, PackageDecoder, PackageKind, encode_package},
    route,
    websocket::{
        Event, FrameDecoder, Opcode, encode_frame, encode_masked_frame,
        upgrade::{HEAD_BYTES_MAX, HttpRequest},
    },
};
use proptest::{collection::vec, prelude::*, sample::Index};

const BYTES_MAX: usize = 4096;

proptest! {
    #[test]
    fn any_message_is_read_back_from_what_was_written(message in message()) {
        let mut out = BytesMut::new();
        message.encode(&mut out).unwrap();
        prop_assert_eq!(out.len(), message.encoded_bytes());
        let mut packed = BytesMut::new();
        message.encode_package(&mut packed).unwrap();
        prop_assert_eq!(&packed[4..], &out[..]);
        prop_assert_eq!(Message::decode(out.freeze()).unwrap(), message);
    }

    #[test]
    fn any_packages_are_read_back_however_they_are_cut(packages in vec(package(), 0..8), cuts in vec(any::<Index>(), 0..8)) {
        let mut stream = BytesMut::new();
        for package in &packages {
            encode_package(package.kind, &package.body, &mut stream).unwrap();
        }
        let mut decoder = PackageDecoder::new(BYTES_MAX);
        let mut found = Vec::new();
        for chunk in cut(&stream, &cuts) {
            decoder.feed(chunk);
            while let Some(package) = decoder.next().unwrap() {
                found.push(package);
            }
        }
        prop_assert_eq!(&found, &packages);
        let joined: Vec<_> = Package::all(stream.freeze(), BYTES_MAX).collect::<Result<_, _>>().unwrap();
        prop_assert_eq!(joined, packages);
    }

    #[test]
    fn any_websocket_messages_are_read_back_however_they_are_fragmented_and_cut(
        messages in vec(fragmented(), 0..6),
        mask: [u8; 4],
        cuts in vec(any::<Index>(), 0..8),
    ) {
        let (mut of_client, mut of_server, mut expected) = (BytesMut::new(), BytesMut::new(), Vec::new());
        for (text, fragments) in &messages {
            let mut pings = Vec::new();
            for (i, fragment) in fragments.iter().enumerate() {
                let opcode = match (i, text) { (0, true) => Opcode::Text, (0, false) => Opcode::Binary, _ => Opcode::Continuation };
                let last = i + 1 == fragments.len();
                put_fragment(&mut of_client, last, |out| encode_masked_frame(opcode, fragment, mask, out));
                put_fragment(&mut of_server, last, |out| encode_frame(opcode, fragment, out));
                if !last {
                    encode_masked_frame(Opcode::Ping, &[i as u8], mask, &mut of_client);
                    encode_frame(Opcode::Ping, &[i as u8], &mut of_server);
                    pings.push(Event::Ping(vec![i as u8].into()));
                }
            }
            expected.append(&mut pings);
            let whole = Bytes::from(fragments.concat());
            expected.push(if *text { Event::Text(whole) } else { Event::Binary(whole) });
        }
        prop_assert_eq!(&read(FrameDecoder::of_client(BYTES_MAX), cut(&of_client, &cuts)), &expected);
        prop_assert_eq!(&read(FrameDecoder::of_server(BYTES_MAX), cut(&of_server, &cuts)), &expected);
    }

    #[test]
    fn no_bytes_make_a_reader_panic_or_exceed_its_limit(bytes in vec(any::<u8>(), 0..600), cuts in vec(any::<Index>(), 0..4)) {
        let mut packages = PackageDecoder::new(16);
        let mut frames = FrameDecoder::of_client(16);
        for chunk in cut(&bytes, &cuts) {
            packages.feed(chunk);
            while let Ok(Some(package)) = packages.next() {
                prop_assert!(package.body.len() <= 16);
            }
            prop_assert!(packages.buffered_bytes() < 20);
            frames.feed(chunk);
            while let Ok(Some(event)) = frames.next() {
                if let Event::Text(body) | Event::Binary(body) = event {
                    prop_assert!(body.len() <= 16);
                }
            }
            // A control frame may be longer than the limit of messages.
            prop_assert!(frames.buffered_bytes() < 16 + 14 + 125);
        }
        let _ = HttpRequest::parse(&bytes);
        if let Ok(message) = Message::decode(bytes.into()) {
            let mut out = BytesMut::new();
            message.encode(&mut out).unwrap();
            prop_assert_eq!(Message::decode(out.freeze()).unwrap(), message);
        }
    }

    #[test]
    fn an_http_head_is_judged_within_its_limit(line in "[ -~]{0,80}", more in vec(any::<u8>(), HEAD_BYTES_MAX + 1)) {
        let mut head = format!("GET / HTTP/1.1\r\n{line}\r\nX: ").into_bytes();
        head.extend(more);
        prop_assert!(HttpRequest::parse(&head).is_some());
    }

    #[test]
    fn every_route_of_a_dictionary_comes_back_from_its_code(
        handlers in vec("[a-z]{1,6}\\.[a-z]{1,6}\\.[a-z]{1,6}", 0..40),
        pushes in vec("on[A-Z][a-z\"\\\\]{0,6}", 0..10),
    ) {
        let dictionary = Dictionary::new(handlers.clone(), pushes.clone()).unwrap();
        for route in handlers.iter().chain(&pushes) {
            let short = dictionary.shorten(route);
            prop_assert_eq!(dictionary.resolve(&short), Some(route.as_str()));
        }
        let json = serde_json::to_string(&dictionary).unwrap();
        let again: Dictionary = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(again.version(), dictionary.version());
    }

    #[test]
    fn three_parts_without_dots_and_blanks_make_a_route(parts in vec("[^. \\s\\p{Cc}]{0,6}", 0..5)) {
        let name = parts.join(".");
        let valid = parts.len() == 3 && parts.iter().all(|part| !part.is_empty());
        prop_assert_eq!(route::is_valid(&name), valid);
        prop_assert_eq!(route::server_type(&name), valid.then(|| parts[0].as_str()));
    }
}

fn message() -> impl Strategy<Value = Message> {
    let body = || vec(any::<u8>(), 0..64).prop_map(Bytes::from);
    let route = || prop_oneof!["\\PC{0,40}".prop_map(RouteRef::Name), any::<u16>().prop_map(RouteRef::Code)];
    prop_oneof![
        (any::<u32>(), route(), body()).prop_map(|(id, route, body)| Message::Request { id, route, body }),
        (route(), body()).prop_map(|(route, body)| Message::Notify { route, body }),
        (any::<u32>(), body(), any::<bool>()).prop_map(|(id, body, error)| Message::Response {
            id,
            body,
            error
        }),
        (route(), body()).prop_map(|(route, body)| Message::Push { route, body }),
    ]
}

fn package() -> impl Strategy<Value = Package> {
    let kind = (1_u8..=5).prop_map(|byte| PackageKind::from_byte(byte).expect("a kind for each of 1 to 5"));
    (kind, vec(any::<u8>(), 0..300)).prop_map(|(kind, body)| Package { kind, body: body.into() })
}

/// A message in one or more fragments; a text may be cut inside a character.
fn fragmented() -> impl Strategy<Value = (bool, Vec<Vec<u8>>)> {
    let body = prop_oneof![
        "\\PC{0,40}".prop_map(|text| (true, text.into_bytes())),
        vec(any::<u8>(), 0..300).prop_map(|bytes| (false, bytes)),
    ];
    (body, vec(any::<Index>(), 0..4))
        .prop_map(|((text, body), cuts)| (text, cut(&body, &cuts).into_iter().map(<[u8]>::to_vec).collect()))
}

/// `bytes` in as many pieces as there are cuts, and one more.
fn cut<'a>(bytes: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.sort_unstable();
    places.push(bytes.len());
    let mut from = 0;
    let pieces = places.into_iter().map(|to| {
        let piece = &bytes[from..to];
        from = to;
        piece
    });
    pieces.collect()
}

fn put_fragment(out: &mut BytesMut, last: bool, put: impl FnOnce(&mut BytesMut)) {
    let at = out.len();
    put(out);
    if !last {
        out[at] &= 0x7f;
    }
}

fn read(mut decoder: FrameDecoder, chunks: Vec<&[u8]>) -> Vec<Event> {
    let mut events = Vec::new();
    for chunk in chunks {
        decoder.feed(chunk);
        while let Some(event) = decoder.next().expect("what was written is well-formed") {
            events.push(event);
        }
    }
    events
}
