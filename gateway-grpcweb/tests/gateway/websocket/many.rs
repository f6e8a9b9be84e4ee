//! Our own protocol: many calls on one socket, each with its window.

use super::*;

/// A page that speaks our own protocol.
pub(crate) struct Page {
    socket: Socket,
    /// Calls whose answers are not read, so that no room is given back.
    unread: Vec<u32>,
    window: HashMap<u32, i64>,
    pub(crate) headers: HashMap<u32, HeaderMap>,
    data: HashMap<u32, BytesMut>,
    ended: HashMap<u32, Status>,
}

const WINDOW: i64 = 128 * 1024;

impl Page {
    async fn open(stage: &Stage) -> Self {
        Self::over(open(stage, "", MANY).await)
    }

    pub(crate) fn over(socket: Socket) -> Self {
        Self {
            socket,
            unread: Vec::new(),
            window: HashMap::new(),
            headers: HashMap::new(),
            data: HashMap::new(),
            ended: HashMap::new(),
        }
    }

    async fn send(&mut self, kind: u8, call: u32, content: &[u8]) {
        let mut bytes = BytesMut::new();
        bytes.put_u8(kind);
        bytes.put_u32(call);
        bytes.put_slice(content);
        self.socket.send(bytes).await;
    }

    pub(crate) async fn begin(&mut self, call: u32, method: &str, headers: &str) {
        self.window.insert(call, WINDOW);
        self.send(1, call, format!("/{method}\r\n{headers}").as_bytes()).await;
    }

    pub(crate) async fn message(&mut self, call: u32, message: &[u8]) {
        for piece in frame(message).chunks(32 * 1024) {
            let cost = i64::try_from(piece.len() + 5).unwrap();
            while self.window[&call] < cost {
                self.take().await.unwrap();
            }
            *self.window.get_mut(&call).unwrap() -= cost;
            self.send(2, call, piece).await;
        }
    }

    pub(crate) async fn end(&mut self, call: u32) {
        self.send(3, call, b"").await;
    }

    async fn call(&mut self, call: u32, method: &str, message: &[u8]) {
        self.begin(call, method, "").await;
        self.message(call, message).await;
        self.end(call).await;
    }

    /// Takes one frame in.
    async fn take(&mut self) -> Result<(), CloseCode> {
        let bytes = self.socket.next().await?;
        let call = u32::from_be_bytes(bytes[1..5].try_into().unwrap());
        let content = bytes.slice(5..);
        let lines = |content: &[u8]| {
            let mut framed = BytesMut::from(&[0x80][..]);
            framed.put_u32(u32::try_from(content.len()).unwrap());
            framed.put_slice(content);
            parse(&framed).1.unwrap()
        };
        match bytes[0] {
            2 => {
                assert!(content.len() <= 32 * 1024);
                self.data.entry(call).or_default().extend_from_slice(&content);
                if !self.unread.contains(&call) {
                    let cost = u32::try_from(bytes.len()).unwrap();
                    self.send(5, call, &cost.to_be_bytes()).await;
                }
            }
            5 => {
                let room = u32::from_be_bytes(content[..].try_into().unwrap());
                *self.window.get_mut(&call).unwrap() += i64::from(room);
            }
            6 => drop(self.headers.insert(call, lines(&content))),
            7 => drop(
                self.ended
                    .insert(call, Status::from_header_map(&lines(&content)).unwrap()),
            ),
            kind => panic!("{kind}"),
        }
        Ok(())
    }

    fn messages(&self, call: u32) -> Vec<Bytes> {
        self.data.get(&call).map(|data| parse(data).0).unwrap_or_default()
    }

    pub(crate) async fn finish(&mut self, call: u32) -> (Vec<Bytes>, i32) {
        while !self.ended.contains_key(&call) {
            self.take().await.unwrap();
        }
        (self.messages(call), i32::from(self.ended[&call].code()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_socket_carries_many_calls_and_a_slow_one_holds_nobody_up() {
    let stage = Stage::start().await;
    let mut page = Page::open(&stage).await;
    // Nobody gives room back for these, so they stop after a window.
    page.unread = vec![1, 7];
    page.call(1, WATCH, &watch(0, 0, 3000)).await;
    while page.data.get(&1).is_none_or(|data| data.len() < 100_000) {
        page.take().await.unwrap();
    }
    let essay = vec![b'e'; 700_000];
    page.call(2, GET, &payload(&essay)).await;
    let (messages, code) = page.finish(2).await;
    assert_eq!(code, 0);
    assert_eq!(GetProbeResponse::decode(messages[0].clone()).unwrap().payload, essay);
    assert!(page.headers[&2].contains_key("lyceum-instance"));
    assert!(page.data[&1].len() <= 128 * 1024, "{}", page.data[&1].len());

    page.call(3, WATCH, &watch(300, 0, 2000)).await;
    page.call(4, GET, &payload(b"four")).await;
    page.begin(5, EXCHANGE, "grpc-timeout: 30S\r\n").await;
    for turn in 1..=3 {
        page.message(5, &exchange(format!("turn {turn}").as_bytes())).await;
        while page.messages(5).len() < turn {
            page.take().await.unwrap();
        }
    }
    let last = page.messages(5)[2].clone();
    assert_eq!(ExchangeProbeResponse::decode(last).unwrap().payload, "turn 3");
    page.end(5).await;
    assert_eq!(page.finish(5).await.1, 0);
    assert_eq!(page.finish(4).await.1, 0);
    let (messages, code) = page.finish(3).await;
    let sequence: Vec<u64> = messages
        .into_iter()
        .map(|message| WatchProbeResponse::decode(message).unwrap().sequence)
        .collect();
    assert_eq!((sequence, code), ((0..300).collect(), 0));

    assert_eq!(stage.probe().abandoned(), 0);
    page.send(4, 1, b"").await;
    wait_for("the cancelled call to end", || async { stage.probe().abandoned() == 1 }).await;
    page.begin(6, "no.such.Service/Method", "").await;
    assert_eq!(page.finish(6).await.1, 12);
    // What comes late for a call that has ended is no mistake.
    page.end(6).await;
    page.begin(7, WATCH, "grpc-timeout: 100m\r\n").await;
    page.message(7, &watch(0, 0, 3000)).await;
    page.end(7).await;
    assert_eq!(page.finish(7).await.1, 4, "a deadline passes also while nobody reads");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_breaks_our_protocol_is_told_by_the_close() {
    let stage = Stage::start().await;
    let begin = [&[1, 0, 0, 0, 9][..], format!("/{EXCHANGE}\r\n").as_bytes()].concat();
    let data = |bytes: usize| [&[2, 0, 0, 0, 9][..], &vec![0; bytes]].concat();
    for frames in [
        vec![b"xx".to_vec()],
        vec![vec![99, 0, 0, 0, 1]],
        vec![vec![1, 0, 0, 0, 0, b'/']],
        vec![data(10)],
        vec![begin.clone(), begin.clone()],
        vec![[&[1, 0, 0, 0, 1][..], b"http://other/x\r\n"].concat()],
        vec![begin.clone(), vec![3, 0, 0, 0, 9], data(5)],
        vec![begin.clone(), vec![5, 0, 0, 0, 9, 255, 255, 255, 255]],
    ] {
        let mut socket = open(&stage, "", MANY).await;
        for frame in frames {
            socket.send(frame).await;
        }
        assert_eq!(socket.close().await, CloseCode::Protocol);
    }
    // A service that reads nothing: what is sent beyond the window is more than was allowed.
    let mut socket = open(&stage, "", MANY).await;
    socket
        .send([&[1, 0, 0, 0, 9][..], b"/mirror.v1.MirrorService/Hang\r\n"].concat())
        .await;
    let message = [&[2, 0, 0, 0, 9][..], &frame(&[0; 32_000])].concat();
    let code = loop {
        if let Err(Error::ConnectionClosed | Error::AlreadyClosed | Error::Io(_) | Error::Protocol(_)) =
            socket.0.send(Message::Binary(message.clone().into())).await
        {
            break None;
        }
        tokio::task::yield_now().await;
        let next = tokio::time::timeout(Duration::from_millis(1), socket.next()).await;
        if let Ok(Err(code)) = next {
            break Some(code);
        }
    };
    assert!(code.is_none_or(|code| code == CloseCode::Protocol));
    let mut socket = open(&stage, "", MANY).await;
    socket.send(vec![2; 40_000]).await;
    assert_eq!(socket.next().await, Err(CloseCode::Size));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_stops_ends_calls_with_a_status_and_sockets_with_a_close() {
    let mut stage = Stage::start_with(|configuration| {
        configuration.serving.drain_notice = Duration::from_millis(50);
        configuration.serving.drain_grace = Duration::from_millis(200);
    })
    .await;
    let mut idle = Page::open(&stage).await;
    let mut busy = Page::open(&stage).await;
    busy.call(1, WATCH, &watch(0, 20, 1)).await;
    while busy.messages(1).is_empty() {
        busy.take().await.unwrap();
    }
    stage.shut_down();
    assert_eq!(idle.take().await, Err(CloseCode::Away));
    assert_eq!(busy.finish(1).await.1, 14);
    assert_eq!(lyceum::error::reason_of(&busy.ended[&1]).unwrap(), "GATEWAY_STOPPING");
    assert_eq!(busy.take().await, Err(CloseCode::Away));
    drop((idle, busy));
    stage.stopped().await;
}

/// RFC 8441: a WebSocket on a stream of HTTP/2.
#[tokio::test(flavor = "multi_thread")]
async fn a_socket_opens_over_http2_too() {
    let stage = Stage::start().await;
    let stream = TokioIo::new(TcpStream::connect(stage.address).await.unwrap());
    let (mut requests, mut connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream)
        .await
        .unwrap();
    // The settings arrive on a task that wakes nobody here.
    while !connection.is_extended_connect_protocol_enabled() {
        let polled = std::future::poll_fn(|context| Poll::Ready(Pin::new(&mut connection).poll(context))).await;
        assert!(polled.is_pending(), "{polled:?}");
        tokio::task::yield_now().await;
    }
    let connection = tokio::spawn(async { drop(connection.await) });
    let request = Request::builder()
        .method(Method::CONNECT)
        .uri(format!("http://{}/", stage.address))
        .extension(Protocol::from_static("websocket"))
        .header("sec-websocket-version", "13")
        .header("sec-websocket-protocol", MANY)
        .body(Empty::<Bytes>::new())
        .unwrap();
    let response = requests.send_request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["sec-websocket-protocol"], MANY);
    let upgraded = hyper::upgrade::on(response).await.unwrap();
    let stream: Box<dyn Io> = Box::new(TokioIo::new(upgraded));
    let mut page = Page::over(Socket(
        WebSocketStream::from_raw_socket(stream, Role::Client, None).await,
    ));
    page.call(1, GET, &payload(b"essay")).await;
    let (messages, code) = page.finish(1).await;
    assert_eq!(code, 0);
    assert_eq!(GetProbeResponse::decode(messages[0].clone()).unwrap().payload, "essay");
    connection.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_breaks_off_is_a_status_in_both_protocols() {
    let stage = Stage::start().await;
    for (method, whole) in [("Reset", 0), ("Break", 1)] {
        let method = format!("mirror.v1.MirrorService/{method}");
        let mut socket = super::open(&stage, &method, SINGLE).await;
        socket.send("x-of-mine: 1\r\n").await;
        socket.send(single(b"")).await;
        socket.send(&[1][..]).await;
        let (_, messages, status) = socket.answer().await;
        assert_eq!((messages.len(), i32::from(status.code())), (whole, 14), "{status:?}");
        let mut page = Page::open(&stage).await;
        page.call(1, &method, b"").await;
        page.call(2, GET, b"").await;
        let (messages, code) = page.finish(1).await;
        assert_eq!((messages.len(), code), (whole, 14), "{method}");
        assert_eq!(page.finish(2).await.1, 0, "the call beside it");
    }
}
