//! A sender that costs next to nothing: blocking HTTP/1.1 over one kept connection.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// One connection to an OTLP/HTTP door.
pub struct Sender {
    stream: BufReader<TcpStream>,
    host: SocketAddr,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status code.
    pub status: u16,
    /// The body, as far as it was sent.
    pub body: Vec<u8>,
}

/// What the head of an answer says of its body.
struct Head {
    status: u16,
    length: usize,
    chunked: bool,
}

impl Sender {
    /// Connects; every read and write may take 30 s.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.set_write_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self { stream: BufReader::new(stream), host: address })
    }

    /// Posts a protobuf export request to `/v1/<signal>`.
    pub fn export(&mut self, signal: &str, body: &[u8]) -> io::Result<Answer> {
        let head = format!(
            "POST /v1/{signal} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/x-protobuf\r\n\
             content-length: {}\r\n\r\n",
            self.host,
            body.len()
        );
        self.request(head.as_bytes(), body)
    }

    /// Gets a path.
    pub fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.get_with(path, "")
    }

    /// The same with further header lines, each ending in CRLF.
    pub fn get_with(&mut self, path: &str, headers: &str) -> io::Result<Answer> {
        let head = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n{headers}\r\n", self.host);
        self.request(head.as_bytes(), &[])
    }

    /// Posts JSON to a path, with further header lines, each ending in CRLF.
    pub fn post_json(&mut self, path: &str, headers: &str, body: &str) -> io::Result<Answer> {
        let (host, length) = (self.host, body.len());
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n{headers}\r\n"
        );
        self.request(head.as_bytes(), body.as_bytes())
    }

    /// Sends a request that is written out already.
    pub fn send(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.stream.get_mut().write_all(request)?;
        self.answer()
    }

    /// The same; `first` is called as soon as something of the answer's body is there.
    pub fn send_stream(&mut self, request: &[u8], first: impl FnOnce()) -> io::Result<Answer> {
        self.stream.get_mut().write_all(request)?;
        let head = self.head()?;
        self.stream.fill_buf()?;
        first();
        self.body(&head)
    }

    fn request(&mut self, head: &[u8], body: &[u8]) -> io::Result<Answer> {
        let stream = self.stream.get_mut();
        stream.write_all(head)?;
        stream.write_all(body)?;
        self.answer()
    }

    fn answer(&mut self) -> io::Result<Answer> {
        let head = self.head()?;
        self.body(&head)
    }

    fn head(&mut self) -> io::Result<Head> {
        let invalid = || io::Error::new(io::ErrorKind::InvalidData, "not an HTTP answer");
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let mut head = Head { status: status.ok_or_else(invalid)?, length: 0, chunked: false };
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let header = line.trim().to_ascii_lowercase();
            if header.is_empty() {
                return Ok(head);
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                head.length = value.trim().parse().map_err(|_| invalid())?;
            }
            head.chunked |= header.starts_with("transfer-encoding:") && header.ends_with("chunked");
        }
    }

    fn body(&mut self, head: &Head) -> io::Result<Answer> {
        let mut body = Vec::new();
        if head.chunked {
            self.chunks(&mut body)?;
        } else {
            body.resize(head.length, 0);
            self.stream.read_exact(&mut body)?;
        }
        Ok(Answer { status: head.status, body })
    }

    fn chunks(&mut self, body: &mut Vec<u8>) -> io::Result<()> {
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            let size = usize::from_str_radix(line.trim(), 16);
            let size = size.map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
            let from = body.len();
            body.resize(from + size + 2, 0);
            self.stream.read_exact(&mut body[from..])?;
            body.truncate(from + size);
            if size == 0 {
                return Ok(());
            }
        }
    }
}
