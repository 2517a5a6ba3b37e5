// Listeners as agents hold them: control channels over TLS, each with a token of its own.
// They answer pings and come back when they are lost.
// One thread serves all, so that they take little of the machine, and yet all of them may connect at once.
//
//   listeners HOST:PORT FILE     FILE has a listener a line: the request's target, a space, the token for ServiceBusAuthorization
//
// Whenever all are there it says "here N seconds S refused R broken B absent A pings P", and the same for each line of input;
// then the counts begin anew. S is how long it took since they set out, or since the first was lost. Refused: answered, and not
// with 101. Broken: begun and not answered. Absent: nobody took the connection. Pings: answered since they were counted last.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum state { waiting, connecting, shaking, asking, open_channel };

typedef struct {
    char *target, *token;
    enum state state;
    int fd, attempt;
    SSL *ssl;
    double due, since; // when it sets out; since when it is in its state
    size_t have;
    unsigned char in[1024];
} listener;

static SSL_CTX *tls;
static struct sockaddr_in relay;
static const char *authority;
static listener *all;
static int n, room, here, told, events;
static int refused, broken, absent, pings;
static double began;

static void die(const char *what) { fprintf(stderr, "listeners: %s: %s\n", what, strerror(errno)); exit(1); }
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }
static double dice(void) { return rand() / (RAND_MAX + 1.0); }

// The agent's own backoff (docs/specs/relay-clients.md): 0-0.5 s, then 1, 2, 5, 10, 30 s, each give or take a half; anew after
// 10 s of being there.
static void wait_again(listener *l) {
    static const int steps[] = { 0, 1, 2, 5, 10, 30 };
    if (l->state == open_channel) {
        if (here == n) { began = now(); told = 0; }
        here--;
        if (now() - l->since >= 10) l->attempt = 0;
    }
    int step = steps[l->attempt < 5 ? l->attempt : 5];
    l->attempt++;
    if (l->ssl) SSL_free(l->ssl);
    if (l->fd >= 0) close(l->fd);
    l->ssl = NULL; l->fd = -1; l->have = 0; l->state = waiting;
    l->due = now() + (step ? step * (0.5 + dice()) : dice() / 2);
}

static void set_out(listener *l) {
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0) die("socket");
    int one = 1; setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = l };
    if (epoll_ctl(events, EPOLL_CTL_ADD, l->fd, &e)) die("epoll");
    l->state = connecting; l->since = now();
    if (connect(l->fd, (struct sockaddr *)&relay, sizeof relay) && errno != EINPROGRESS) { absent++; wait_again(l); }
}

static int ask(listener *l) {
    char text[4096];
    int count = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: %s\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "ServiceBusAuthorization: %s\r\nRelay-User-Agent: weft-agent/0.1.0\r\n\r\n", l->target, authority, l->token);
    return count < (int)sizeof text && SSL_write(l->ssl, text, count) == count;
}

// Takes what came; 0 where the channel is over.
static int take(listener *l) {
    if (l->state == asking) {
        l->in[l->have] = 0;
        char *end = strstr((char *)l->in, "\r\n\r\n");
        if (!end) return l->have + 1 < sizeof l->in;
        if (strncmp((char *)l->in, "HTTP/1.1 101", 12)) {
            if (refused++ < 3) fprintf(stderr, "listeners: refused with %.*s\n", (int)strcspn((char *)l->in, "\r"), (char *)l->in);
            l->state = connecting; // counted
            return 0;
        }
        size_t head = end + 4 - (char *)l->in;
        l->have -= head; memmove(l->in, l->in + head, l->have);
        l->state = open_channel; l->since = now(); here++;
    }
    // Nobody sends here, so that what comes is control frames, of 125 bytes at most.
    while (l->have >= 2 && l->have >= 2u + l->in[1]) {
        size_t size = 2 + l->in[1];
        if (l->in[0] != 0x89) return 0;
        unsigned char pong[6 + 125] = { 0x8a, 0x80 | l->in[1] };
        memcpy(pong + 6, l->in + 2, l->in[1]);
        if (SSL_write(l->ssl, pong, 6 + l->in[1]) <= 0) return 0;
        pings++;
        l->have -= size; memmove(l->in, l->in + size, l->have);
    }
    return 1;
}

static void drive(listener *l) {
    if (l->state == waiting) return;
    ERR_clear_error();
    if (l->state == connecting) {
        int error; socklen_t size = sizeof error;
        getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) { if (absent++ < 3) fprintf(stderr, "listeners: %s\n", strerror(error)); wait_again(l); return; }
        struct sockaddr_in peer; size = sizeof peer;
        if (getpeername(l->fd, (struct sockaddr *)&peer, &size)) return;
        l->ssl = SSL_new(tls); SSL_set_fd(l->ssl, l->fd); SSL_set_tlsext_host_name(l->ssl, "localhost");
        l->state = shaking;
    }
    if (l->state == shaking) {
        int done = SSL_connect(l->ssl);
        if (done != 1) {
            int why = SSL_get_error(l->ssl, done);
            if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) { broken++; wait_again(l); }
            return;
        }
        if (!ask(l)) { broken++; wait_again(l); return; }
        l->state = asking;
    }
    while (1) {
        int count = SSL_read(l->ssl, l->in + l->have, sizeof l->in - 1 - l->have);
        if (count > 0) {
            l->have += count;
            if (take(l)) continue;
        } else if (SSL_get_error(l->ssl, count) == SSL_ERROR_WANT_READ) {
            return;
        }
        if (l->state == asking) broken++;
        wait_again(l);
        return;
    }
}

// Those whose time has come. They set out one by one, after whatever the relay has sent to others: on machines of their own,
// nobody's answer would wait for ten thousand hellos.
static listener **due;
static int due_count;
static void look_at_the_clock(void) {
    double t = now();
    due_count = 0;
    for (int i = n; i-- > 0;) {
        listener *l = &all[i];
        if (l->state == waiting) { if (t >= l->due) due[due_count++] = l; }
        // As long as the agent waits for an answer.
        else if (l->state != open_channel && t - l->since > 45) { broken++; wait_again(l); }
    }
}

static void tell(void) {
    printf("here %d seconds %.2f refused %d broken %d absent %d pings %d\n", here, now() - began, refused, broken, absent, pings);
    fflush(stdout);
    refused = broken = absent = pings = 0;
}

static void read_list(const char *file) {
    FILE *f = fopen(file, "r");
    if (!f) die(file);
    char *line = NULL; size_t size = 0;
    for (ssize_t k; (k = getline(&line, &size, f)) > 0;) {
        line[strcspn(line, "\n")] = 0;
        char *space = strchr(line, ' ');
        if (!space) die(line);
        *space = 0;
        if (n == room) all = realloc(all, (room = room ? room * 2 : 1024) * sizeof *all);
        memset(&all[n], 0, sizeof *all);
        all[n].target = strdup(line); all[n].token = strdup(space + 1); all[n].fd = -1;
        all[n++].due = now() + dice() / 2;
    }
    fclose(f);
}

int main(int argc, char **argv) {
    if (argc != 3 || !strchr(argv[1], ':')) { fprintf(stderr, "usage: listeners HOST:PORT FILE\n"); return 64; }
    signal(SIGPIPE, SIG_IGN);
    srand(getpid());
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files); files.rlim_cur = files.rlim_max; setrlimit(RLIMIT_NOFILE, &files);
    authority = argv[1];
    char host[64]; snprintf(host, sizeof host, "%.*s", (int)(strchr(argv[1], ':') - argv[1]), argv[1]);
    relay.sin_family = AF_INET; relay.sin_port = htons(atoi(strchr(argv[1], ':') + 1)); inet_pton(AF_INET, host, &relay.sin_addr);
    tls = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
    events = epoll_create1(EPOLL_CLOEXEC);
    read_list(argv[2]);
    struct epoll_event input = { .events = EPOLLIN, .data.ptr = NULL }, some[256];
    if (epoll_ctl(events, EPOLL_CTL_ADD, 0, &input)) die("input");
    due = calloc(n, sizeof *due);
    began = now();
    for (double looked = 0;;) {
        int count = epoll_wait(events, some, 256, here == n ? -1 : due_count ? 0 : 10);
        for (int i = 0; i < count; i++) {
            char line[64];
            if (some[i].data.ptr) drive(some[i].data.ptr);
            else if (read(0, line, sizeof line) <= 0) return 0;
            else tell();
        }
        if (here < n) {
            if (due_count) set_out(due[--due_count]);
            else if (now() - looked > 0.01) { look_at_the_clock(); looked = now(); }
        } else if (!told) {
            told = 1;
            tell();
        }
    }
}
