//! Cuts a stream into WebSocket frames, unmasks them and joins fragments.

use bytes::{Buf, Bytes, BytesMut};

use super::{CONTROL_BYTES_MAX, Event, FrameError, Opcode, apply_mask};

/// Reads one side of a WebSocket connection after the upgrade, however the stream was chopped.
///
/// Holds bytes only while a frame or a fragmented message is partial: with none, an idle connection costs no buffer.
/// What it holds is bounded by twice `message_bytes_max` and what was fed since [`Self::next`] last returned `None`.
#[derive(Debug)]
pub struct FrameDecoder {
    message_bytes_max: usize,
    masked: bool,
    rest: BytesMut,
    /// `rest` is the end of a buffer with frames that were given out since it was fed.
    shared: bool,
    fragments: Option<Fragments>,
    end: Option<Result<(), FrameError>>,
}

/// The beginning of a message whose end has not come.
#[derive(Debug)]
struct Fragments {
    text: bool,
    payload: BytesMut,
    /// How much of a text is known to be UTF-8, so that no byte is looked at twice.
    valid_bytes: usize,
}

/// A frame's header, checked.
struct Header {
    opcode: Opcode,
    last: bool,
    header_bytes: usize,
    payload_bytes: usize,
    mask: Option<[u8; 4]>,
}

impl FrameDecoder {
    /// Reads what a client sends: every frame must be masked.
    pub fn of_client(message_bytes_max: usize) -> Self {
        Self {
            message_bytes_max,
            masked: true,
            rest: BytesMut::new(),
            shared: false,
            fragments: None,
            end: None,
        }
    }

    /// Reads what a server sends: no frame may be masked.
    pub fn of_server(message_bytes_max: usize) -> Self {
        Self { masked: false, ..Self::of_client(message_bytes_max) }
    }

    /// Takes bytes as they were read; call [`Self::next`] until it gives `None` before reading on.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.end.is_none() {
            self.rest.extend_from_slice(bytes);
        }
    }

    /// The next event; `None` when more bytes are needed, and always after a close. After an error the stream has no
    /// frame any more, so every later call repeats it.
    #[expect(clippy::should_implement_trait, reason = "an iterator would be done at its first None")]
    pub fn next(&mut self) -> Result<Option<Event>, FrameError> {
        if let Some(end) = &self.end {
            return end.clone().map(|()| None);
        }
        let event = self.next_event();
        if matches!(event, Ok(None)) && std::mem::take(&mut self.shared) {
            // The beginning of a frame may wait long, and must not keep all that was read along with it.
            self.rest = BytesMut::from(&self.rest[..]);
        }
        let end = match &event {
            Ok(Some(Event::Close { .. })) => Some(Ok(())),
            Ok(_) => None,
            Err(error) => Some(Err(error.clone())),
        };
        if end.is_some() {
            self.rest = BytesMut::new();
            self.fragments = None;
            self.end = end;
        }
        event
    }

    /// Bytes that wait for the rest of their frame or message.
    pub fn buffered_bytes(&self) -> usize {
        self.rest.len() + self.fragments.as_ref().map_or(0, |fragments| fragments.payload.len())
    }

    fn next_event(&mut self) -> Result<Option<Event>, FrameError> {
        loop {
            let Some(header) = self.header()? else { return Ok(None) };
            let frame_bytes = header.header_bytes + header.payload_bytes;
            // Most reads bring one frame. It is given away with its buffer; to share one takes an allocation.
            let mut payload = match self.rest.len() {
                rest if rest < frame_bytes => return Ok(None),
                rest if rest == frame_bytes => std::mem::take(&mut self.rest),
                _ => {
                    self.shared = true;
                    self.rest.split_to(frame_bytes)
                }
            };
            payload.advance(header.header_bytes);
            if let Some(mask) = header.mask {
                apply_mask(&mut payload, mask);
            }
            if let Some(event) = self.take_frame(&header, payload)? {
                return Ok(Some(event));
            }
        }
    }

    fn take_frame(&mut self, header: &Header, mut payload: BytesMut) -> Result<Option<Event>, FrameError> {
        match header.opcode {
            Opcode::Ping => return Ok(Some(Event::Ping(payload.freeze()))),
            Opcode::Pong => return Ok(Some(Event::Pong(payload.freeze()))),
            Opcode::Close => return close(payload.freeze()).map(Some),
            Opcode::Text | Opcode::Binary => {
                let text = header.opcode == Opcode::Text;
                if !header.last {
                    // As above: what follows may take its time.
                    payload = BytesMut::from(&payload[..]);
                }
                self.fragments = Some(Fragments { text, payload, valid_bytes: 0 });
            }
            Opcode::Continuation => {
                if let Some(fragments) = &mut self.fragments {
                    fragments.payload.extend_from_slice(&payload);
                }
            }
        }
        if let Some(fragments) = &mut self.fragments {
            fragments.check_text(header.last)?;
        }
        if !header.last {
            return Ok(None);
        }
        Ok(self.fragments.take().map(|message| match message.text {
            true => Event::Text(message.payload.freeze()),
            false => Event::Binary(message.payload.freeze()),
        }))
    }

    /// The header at the front; everything wrong with a frame is said here, before its payload is waited for.
    fn header(&self) -> Result<Option<Header>, FrameError> {
        let &[first, second, ..] = &self.rest[..] else { return Ok(None) };
        if first & 0x70 != 0 {
            return Err(FrameError::ReservedBits);
        }
        let bits = first & 0x0f;
        let opcode = Opcode::from_bits(bits).ok_or(FrameError::UnknownOpcode(bits))?;
        let last = first & 0x80 != 0;
        match (self.masked, second & 0x80 != 0) {
            (true, false) => return Err(FrameError::NotMasked),
            (false, true) => return Err(FrameError::Masked),
            _ => {}
        }
        let Some((length_bytes, payload_bytes)) = length(&self.rest)? else { return Ok(None) };
        self.check(opcode, last, payload_bytes)?;
        let mut header_bytes = 2 + length_bytes;
        let mut mask = None;
        if self.masked {
            let Some(key) = self.rest[header_bytes..].first_chunk::<4>() else { return Ok(None) };
            mask = Some(*key);
            header_bytes += key.len();
        }
        // Fits: the check has compared it with a limit that is a usize.
        Ok(Some(Header { opcode, last, header_bytes, payload_bytes: payload_bytes as usize, mask }))
    }

    fn check(&self, opcode: Opcode, last: bool, payload_bytes: u64) -> Result<(), FrameError> {
        if opcode.is_control() {
            if !last {
                return Err(FrameError::Control { opcode, fault: "fragmented" });
            }
            if payload_bytes > CONTROL_BYTES_MAX as u64 {
                return Err(FrameError::Control { opcode, fault: "longer than 125 bytes" });
            }
            return Ok(());
        }
        let before = match (&self.fragments, opcode) {
            (None, Opcode::Continuation) => return Err(FrameError::NothingToContinue),
            (Some(fragments), Opcode::Continuation) => fragments.payload.len(),
            (Some(_), _) => return Err(FrameError::Interleaved),
            (None, _) => 0,
        };
        let message_bytes = payload_bytes.saturating_add(before as u64);
        if message_bytes > self.message_bytes_max as u64 {
            return Err(FrameError::TooLong { message_bytes, message_bytes_max: self.message_bytes_max });
        }
        Ok(())
    }
}

impl Fragments {
    /// A text may end inside a character only where more of it follows.
    fn check_text(&mut self, last: bool) -> Result<(), FrameError> {
        if !self.text {
            return Ok(());
        }
        match std::str::from_utf8(&self.payload[self.valid_bytes..]) {
            Ok(_) => self.valid_bytes = self.payload.len(),
            Err(error) if error.error_len().is_none() && !last => self.valid_bytes += error.valid_up_to(),
            Err(_) => return Err(FrameError::NotUtf8),
        }
        Ok(())
    }
}

/// How many bytes the extended length takes, and the payload's length.
fn length(bytes: &[u8]) -> Result<Option<(usize, u64)>, FrameError> {
    let (length_bytes, payload_bytes, shortest) = match bytes[1] & 0x7f {
        126 => match bytes[2..].first_chunk::<2>() {
            Some(long) => (2, u64::from(u16::from_be_bytes(*long)), 126),
            None => return Ok(None),
        },
        127 => match bytes[2..].first_chunk::<8>() {
            Some(long) => (8, u64::from_be_bytes(*long), 65_536),
            None => return Ok(None),
        },
        short => (0, u64::from(short), 0),
    };
    if payload_bytes < shortest || payload_bytes >> 63 != 0 {
        return Err(FrameError::LengthForm);
    }
    Ok(Some((length_bytes, payload_bytes)))
}

fn close(mut payload: Bytes) -> Result<Event, FrameError> {
    if payload.is_empty() {
        return Ok(Event::Close { code: None, reason: payload });
    }
    let code = payload.try_get_u16().map_err(|_| FrameError::HalfCloseCode)?;
    // RFC 6455 7.4: 1004 to 1006 and 1015 are never on the wire, below 3000 only what is registered.
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(FrameError::CloseCode(code));
    }
    if std::str::from_utf8(&payload).is_err() {
        return Err(FrameError::NotUtf8);
    }
    Ok(Event::Close { code: Some(code), reason: payload })
}

#[cfg(test)]
mod tests {
    use super::super::encode_masked_frame;
    use super::*;

    /// A client's frame with any first byte.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut out = BytesMut::new();
        encode_masked_frame(Opcode::Binary, payload, [7, 0, 255, 3], &mut out);
        out[0] = first;
        out.to_vec()
    }

    fn read(chunks: &[Vec<u8>]) -> Result<Vec<Event>, FrameError> {
        let mut decoder = FrameDecoder::of_client(1000);
        let mut events = Vec::new();
        for chunk in chunks {
            decoder.feed(chunk);
            while let Some(event) = decoder.next()? {
                events.push(event);
            }
        }
        Ok(events)
    }

    #[test]
    fn fragments_are_joined_around_a_ping() {
        let frames =
            [frame(0x02, b"ab"), frame(0x89, b"?"), frame(0x00, b""), frame(0x80, b"cd"), frame(0x82, b"e")];
        let (ping, joined, next) =
            (Event::Ping("?".into()), Event::Binary("abcd".into()), Event::Binary("e".into()));
        assert_eq!(read(&frames).unwrap(), [ping.clone(), joined.clone(), next.clone()]);
        let bytewise: Vec<_> = frames.concat().into_iter().map(|byte| vec![byte]).collect();
        assert_eq!(read(&bytewise).unwrap(), [ping, joined, next]);
    }

    #[test]
    fn an_idle_decoder_holds_no_buffer() {
        let mut decoder = FrameDecoder::of_client(1000);
        decoder.feed(&frame(0x82, b"hello"));
        assert_eq!(decoder.next(), Ok(Some(Event::Binary("hello".into()))));
        assert_eq!((decoder.next(), decoder.buffered_bytes(), decoder.rest.capacity()), (Ok(None), 0, 0));
    }

    #[test]
    fn the_beginning_of_a_frame_or_message_keeps_nothing_of_those_before_it() {
        let mut decoder = FrameDecoder::of_client(1 << 20);
        for beginning in [vec![0x82], frame(0x02, b"first fragment")] {
            decoder.feed(&[frame(0x82, &[1; 50_000]), beginning.clone()].concat());
            let Ok(Some(Event::Binary(before))) = decoder.next() else { panic!("no message") };
            assert_eq!(decoder.next(), Ok(None));
            assert!(before.is_unique(), "{beginning:?} holds the buffer");
            decoder = FrameDecoder::of_client(1 << 20);
        }
    }

    #[test]
    fn what_the_standard_forbids_is_refused_by_name_and_code() {
        let control = |opcode, fault| FrameError::Control { opcode, fault };
        let half = "ü".as_bytes()[..1].to_vec();
        for (frames, error, code) in [
            (vec![frame(0xc2, b"")], FrameError::ReservedBits, 1002),
            (vec![frame(0x83, b"")], FrameError::UnknownOpcode(3), 1002),
            (vec![frame(0x8b, b"")], FrameError::UnknownOpcode(11), 1002),
            (vec![vec![0x82, 0x00]], FrameError::NotMasked, 1002),
            (vec![frame(0x09, b"")], control(Opcode::Ping, "fragmented"), 1002),
            (vec![frame(0x8a, &[0; 126])], control(Opcode::Pong, "longer than 125 bytes"), 1002),
            (vec![frame(0x80, b"")], FrameError::NothingToContinue, 1002),
            (vec![frame(0x01, b"a"), frame(0x81, b"b")], FrameError::Interleaved, 1002),
            (vec![vec![0x82, 0xfe, 0, 125]], FrameError::LengthForm, 1002),
            (vec![vec![0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0]], FrameError::LengthForm, 1002),
            (vec![frame(0x88, b"\x03")], FrameError::HalfCloseCode, 1002),
            (vec![frame(0x88, &1005_u16.to_be_bytes())], FrameError::CloseCode(1005), 1002),
            (vec![frame(0x88, &999_u16.to_be_bytes())], FrameError::CloseCode(999), 1002),
            (vec![frame(0x88, &2000_u16.to_be_bytes())], FrameError::CloseCode(2000), 1002),
            (vec![frame(0x88, b"\x03\xe8\xff")], FrameError::NotUtf8, 1007),
            (vec![frame(0x81, &half)], FrameError::NotUtf8, 1007),
            (vec![frame(0x01, b"\xff")], FrameError::NotUtf8, 1007),
        ] {
            let found = read(&frames).unwrap_err();
            assert_eq!((found.close_code(), found), (code, error));
        }
        let mut of_server = FrameDecoder::of_server(10);
        of_server.feed(&frame(0x82, b""));
        assert_eq!(of_server.next(), Err(FrameError::Masked));
    }

    #[test]
    fn a_character_may_be_split_between_fragments() {
        let text = "aü—你".as_bytes();
        for cut in 0..=text.len() {
            let frames = [frame(0x01, &text[..cut]), frame(0x80, &text[cut..])];
            assert_eq!(read(&frames).unwrap(), [Event::Text(Bytes::copy_from_slice(text))]);
        }
    }

    #[test]
    fn a_message_over_the_limit_is_refused_by_its_header_also_in_fragments() {
        let error = read(&[vec![0x82, 0xfe, 0x03, 0xe9]]).unwrap_err();
        assert_eq!(error, FrameError::TooLong { message_bytes: 1001, message_bytes_max: 1000 });
        let frames = [frame(0x02, &[0; 600]), vec![0x80, 0xfe, 0x01, 0x91]];
        assert_eq!(read(&frames).unwrap_err().close_code(), 1009);
        assert!(read(&[vec![0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255]]).is_err());
    }

    #[test]
    fn nothing_is_read_after_a_close_or_an_error() {
        let mut decoder = FrameDecoder::of_client(1000);
        decoder.feed(&frame(0x88, b"\x03\xe8bye"));
        decoder.feed(&frame(0x82, b"late"));
        let close = Event::Close { code: Some(1000), reason: "bye".into() };
        assert_eq!(decoder.next(), Ok(Some(close)));
        assert_eq!((decoder.next(), decoder.buffered_bytes()), (Ok(None), 0));

        let mut decoder = FrameDecoder::of_client(1000);
        decoder.feed(&frame(0x80, b""));
        assert_eq!(decoder.next(), Err(FrameError::NothingToContinue));
        decoder.feed(&frame(0x82, b"late"));
        assert_eq!(decoder.next(), Err(FrameError::NothingToContinue));
    }
}
