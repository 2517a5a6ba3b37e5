// The load for the relay and its peers: as light as can be, and the same for all of them. What goes through is made once; what arrives is
// counted, and looked at only where said. A pair is a sender and a receiver, a thread each, blocking.
//
//   load KIND key=value…
//     kind   bulk: bytes as fast as they go → "gbit N bytes N"; latency: one small frame at a time, one way → "p50 N p99 N" in µs;
//            stall: one pair's receiver stops for a while under full load, the others measure latency; see stall()
//     up     host:port the senders connect to         down  host:port the receivers connect to, or listen:port
//     ws     1: WebSocket handshakes on what is connected (paths /a/N for senders, /b/N for receivers)
//     tls    1: TLS on both; up, down: on one side alone cert, key  for down=listen
//     pairs, frame (payload bytes), batch (frames a write), seconds
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MASK 0x5a3c96e1u

typedef struct { int fd; SSL *ssl; char *early; size_t early_count; } conn;

// Records are read as they come, many a call: else each costs two, which would be the load's own.
static SSL_CTX *context(const SSL_METHOD *method) {
    SSL_CTX *c = SSL_CTX_new(method);
    SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(c, 1);
    SSL_CTX_set_default_read_buffer_len(c, 1 << 17);
    return c;
}

static SSL_CTX *client_ctx, *server_ctx;
static const char *up = "127.0.0.1:9000", *down = "127.0.0.1:9001", *cert, *key;
static int ws, tls_up, tls_down, pairs = 4, pause_us = 100, batch = 1;
static size_t frame = 65536;
static double seconds = 3, stall_seconds = 10;
static atomic_int stop;

static void die(const char *what) { fprintf(stderr, "load: %s: %s\n", what, strerror(errno)); ERR_print_errors_fp(stderr); exit(1); }

static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }

static struct sockaddr_in address(const char *text) {
    struct sockaddr_in a = { .sin_family = AF_INET };
    char host[64];
    const char *colon = strrchr(text, ':');
    snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
    a.sin_port = htons(atoi(colon + 1));
    inet_pton(AF_INET, strcmp(host, "listen") ? host : "127.0.0.1", &a.sin_addr);
    return a;
}

static ssize_t put_some(conn *c, const void *p, size_t count) {
    return c->ssl ? SSL_write(c->ssl, p, count > 1 << 20 ? 1 << 20 : count) : send(c->fd, p, count, MSG_NOSIGNAL);
}
static int put(conn *c, const void *p, size_t count) {
    for (const char *at = p; count;) { ssize_t k = put_some(c, at, count); if (k <= 0) return 0; at += k; count -= k; }
    return 1;
}
static ssize_t get(conn *c, void *p, size_t count) {
    if (c->early_count) {
        size_t k = c->early_count < count ? c->early_count : count;
        memcpy(p, c->early, k); memmove(c->early, c->early + k, c->early_count - k); c->early_count -= k;
        return k;
    }
    return c->ssl ? SSL_read(c->ssl, p, count) : recv(c->fd, p, count, 0);
}
static int get_all(conn *c, void *p, size_t count) {
    for (char *at = p; count;) { ssize_t k = get(c, at, count); if (k <= 0) return 0; at += k; count -= k; }
    return 1;
}

static int upgrade(conn *c, char side, int id) {
    char text[4096];
    int count = snprintf(text, sizeof text, "GET /%c/%d HTTP/1.1\r\nHost: relay\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", side, id);
    if (!put(c, text, count)) return 0;
    size_t have = 0;
    char *end = NULL;
    while (!end) {
        ssize_t k = get(c, text + have, sizeof text - 1 - have);
        if (k <= 0) return 0;
        have += k; text[have] = 0; end = strstr(text, "\r\n\r\n");
    }
    if (strncmp(text, "HTTP/1.1 101", 12)) { fprintf(stderr, "load: %.*s\n", 60, text); return 0; }
    end += 4;
    c->early_count = have - (end - text);
    if (c->early_count) { c->early = malloc(c->early_count); memcpy(c->early, end, c->early_count); }
    return 1;
}

static conn dial(const char *to, int tls) {
    conn c = { 0 };
    struct sockaddr_in a = address(to);
    c.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(c.fd, (struct sockaddr *)&a, sizeof a)) die(to);
    int one = 1; setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (tls) {
        c.ssl = SSL_new(client_ctx); SSL_set_fd(c.ssl, c.fd); SSL_set_tlsext_host_name(c.ssl, "localhost");
        if (SSL_connect(c.ssl) != 1) die(to);
    }
    return c;
}

static int listening = -1;
static conn take(void) {
    conn c = { 0 };
    c.fd = accept(listening, NULL, NULL);
    if (c.fd < 0) die("accept");
    int one = 1; setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (tls_down) { c.ssl = SSL_new(server_ctx); SSL_set_fd(c.ssl, c.fd); if (SSL_accept(c.ssl) != 1) die("TLS accept"); }
    return c;
}

typedef struct {
    conn from, to;
    int id;
    size_t frame;
    uint64_t bytes;
    double *times;
    size_t count, room;
    double longest;
    int whole;
    pthread_t a, b;
} pair;

static void *upgrade_to(void *p) { pair *q = p; if (!upgrade(&q->to, 'b', q->id)) die("upgrade"); return NULL; }
static void *accept_to(void *p) { pair *q = p; q->to = take(); return NULL; }

static void make(pair *q, int id) {
    memset(q, 0, sizeof *q);
    q->id = id;
    pthread_t other;
    if (!strncmp(down, "listen", 6)) {
        // TLS through a proxy that speaks TLS on both sides: the other end must answer while this one waits.
        pthread_create(&other, NULL, accept_to, q);
        q->from = dial(up, tls_up);
        if (!put(&q->from, "!", 1)) die("first byte");
        pthread_join(other, NULL);
        char first; if (!get_all(&q->to, &first, 1)) die("first byte through");
        return;
    }
    q->to = dial(down, tls_down);
    pthread_create(&other, NULL, upgrade_to, q);
    q->from = dial(up, tls_up);
    if (!upgrade(&q->from, 'a', id)) die("upgrade");
    pthread_join(other, NULL);
}

// A masked frame as a client sends it; payload bytes all count up, so that a hole or a repetition shows.
static size_t make_frame(unsigned char *p, size_t payload, const unsigned char *content) {
    size_t h = 0;
    p[h++] = 0x82;
    if (payload <= 125) p[h++] = 0x80 | payload;
    else if (payload <= 65535) { p[h++] = 0x80 | 126; p[h++] = payload >> 8; p[h++] = payload; }
    else { p[h++] = 0x80 | 127; for (int i = 7; i >= 0; i--) p[h++] = (uint64_t)payload >> (8 * i); }
    unsigned char mask[4]; memcpy(mask, &(uint32_t){ MASK }, 4); memcpy(p + h, mask, 4); h += 4;
    for (size_t i = 0; i < payload; i++) p[h + i] = content[i] ^ mask[i & 3];
    return h + payload;
}
static size_t header_received(size_t payload) { return payload <= 125 ? 2 : payload <= 65535 ? 4 : 10; }

static unsigned char *block; static size_t block_size;
static void make_block(void) {
    // One write a frame, as libraries do; batch=N is a sender that gathers.
    size_t per = batch;
    unsigned char *content = malloc(frame);
    for (size_t i = 0; i < frame; i++) content[i] = i * 7 + (i >> 8);
    block = malloc((frame + 14) * per);
    for (size_t i = 0; i < per; i++) block_size += make_frame(block + block_size, frame, content);
}

static void *pour(void *p) { pair *q = p; while (!stop && put(&q->from, block, block_size)) { } return NULL; }
static void *drink(void *p) {
    pair *q = p;
    char *buffer = malloc(1 << 17);
    ssize_t k;
    while ((k = get(&q->to, buffer, 1 << 17)) > 0) atomic_fetch_add((_Atomic uint64_t *)&q->bytes, k);
    free(buffer);
    return NULL;
}

static void bulk(void) {
    make_block();
    pair *q = calloc(pairs, sizeof *q);
    for (int i = 0; i < pairs; i++) make(&q[i], i);
    for (int i = 0; i < pairs; i++) { pthread_create(&q[i].b, NULL, drink, &q[i]); pthread_create(&q[i].a, NULL, pour, &q[i]); }
    usleep(300000);
    uint64_t before = 0, after = 0;
    for (int i = 0; i < pairs; i++) before += atomic_load((_Atomic uint64_t *)&q[i].bytes);
    double start = now();
    usleep(seconds * 1e6);
    for (int i = 0; i < pairs; i++) after += atomic_load((_Atomic uint64_t *)&q[i].bytes);
    double took = now() - start;
    size_t header = header_received(frame) + (ws ? 0 : 4);
    uint64_t all = 0;
    for (int i = 0; i < pairs; i++) all += atomic_load((_Atomic uint64_t *)&q[i].bytes);
    printf("gbit %.3f bytes %llu\n", (after - before) * (double)frame / (frame + header) * 8 / took / 1e9, (unsigned long long)all);
    fflush(stdout);
    _exit(0);
}

// Reads a frame that is to be `payload` long; the relay's pings in between are answered.
static int get_frame(conn *c, unsigned char *in, size_t payload) {
    if (!ws) return get_all(c, in, header_received(payload) + 4 + payload);
    while (1) {
        if (!get_all(c, in, 2)) return 0;
        if ((in[0] & 15) == 9) { if (!put(c, "\x8a\x80\0\0\0\0", 6)) return 0; continue; }
        if ((in[0] & 15) == 8) return 1;
        return get_all(c, in + 2, header_received(payload) - 2 + payload);
    }
}

static void *tick(void *p) {
    pair *q = p;
    unsigned char content[4096], out[4200];
    memset(content, 7, sizeof content);
    while (!stop) {
        double t = now();
        memcpy(content, &t, 8);
        if (!put(&q->from, out, make_frame(out, q->frame, content))) break;
        usleep(pause_us);
    }
    return NULL;
}
static void *tock(void *p) {
    pair *q = p;
    unsigned char in[4200];
    size_t header = header_received(q->frame) + (ws ? 0 : 4);
    q->room = 1 << 20; q->times = malloc(q->room * sizeof *q->times);
    while (get_frame(&q->to, in, q->frame)) {
        if (!ws) for (int i = 0; i < 8; i++) in[header + i] ^= in[header - 4 + (i & 3)];
        double t; memcpy(&t, in + header, 8);
        if (q->count < q->room) { q->times[q->count] = (now() - t) * 1e6; q->count++; }
    }
    return NULL;
}
static int compare(const void *a, const void *b) { double x = *(double *)a, y = *(double *)b; return (x > y) - (x < y); }

static void latency(void) {
    pair q; make(&q, 0); q.frame = frame;
    pthread_create(&q.b, NULL, tock, &q); pthread_create(&q.a, NULL, tick, &q);
    usleep(seconds * 1e6);
    size_t count = q.count;
    double *times = q.times + count / 5; count -= count / 5;
    qsort(times, count, sizeof *times, compare);
    printf("p50 %.2f p99 %.2f\n", times[count / 2], times[count * 99 / 100]);
    fflush(stdout);
    _exit(0);
}

// The stalled pair: content counts up over all frames, and the receiver holds it against that, before and after its pause.
static atomic_int paused;
static void *pour_counted(void *p) {
    pair *q = p;
    unsigned char *content = malloc(q->frame), *out = malloc(q->frame + 14);
    uint64_t at = 0;
    while (!stop) {
        for (size_t i = 0; i + 8 <= q->frame; i += 8) { memcpy(content + i, &at, 8); at++; }
        if (!put(&q->from, out, make_frame(out, q->frame, content))) break;
    }
    put(&q->from, "\x88\x80\0\0\0\0", 6);
    return NULL;
}
static void *drink_counted(void *p) {
    pair *q = p;
    unsigned char *in = malloc(q->frame + 14);
    size_t header = header_received(q->frame);
    uint64_t at = 0;
    double pause_at = now() + 1, resumed = 0;
    q->whole = 1;
    while (get_frame(&q->to, in, q->frame)) {
        if ((in[0] & 15) == 8) return NULL;
        for (size_t i = 0; i + 8 <= q->frame; i += 8) { uint64_t v; memcpy(&v, in + header + i, 8); if (v != at++) q->whole = 0; }
        q->bytes += q->frame;
        if (!resumed && now() > pause_at) { paused = 1; usleep(stall_seconds * 1e6); paused = 2; resumed = now(); }
        else if (resumed && now() > resumed + 2) stop = 1;
    }
    q->whole = 0;
    return NULL;
}

static double p99(pair *q, size_t *from, size_t *to) {
    size_t count = 0;
    for (int i = 0; i < pairs; i++) count += to[i] - from[i];
    double *all = malloc((count + 1) * sizeof *all);
    count = 0;
    for (int i = 0; i < pairs; i++) {
        memcpy(all + count, q[i].times + from[i], (to[i] - from[i]) * sizeof *all);
        count += to[i] - from[i];
    }
    qsort(all, count, sizeof *all, compare);
    return count ? all[count * 99 / 100] : 0;
}
static void mark(pair *q, size_t *at) { for (int i = 0; i < pairs; i++) at[i] = q[i].count; }

// `pairs` pairs measure the latency of small frames: first alone, then while another pair's receiver has stopped and its sender
// can't send. Prints "rest" once they have been alone, "paused", "resumed", and in the end "rest N paused N whole 0|1 bytes N":
// p99 in µs, and the data.
static void stall(void) {
    pair *q = calloc(pairs, sizeof *q), counted;
    size_t marks[4][pairs];
    make(&counted, pairs); counted.frame = frame;
    for (int i = 0; i < pairs; i++) { make(&q[i], i); q[i].frame = 64; }
    pause_us = 2000;
    for (int i = 0; i < pairs; i++) { pthread_create(&q[i].b, NULL, tock, &q[i]); pthread_create(&q[i].a, NULL, tick, &q[i]); }
    usleep(300000); mark(q, marks[0]); usleep(seconds * 1e6); mark(q, marks[1]);
    puts("rest"); fflush(stdout);
    pthread_create(&counted.b, NULL, drink_counted, &counted); pthread_create(&counted.a, NULL, pour_counted, &counted);
    while (!paused) usleep(1000);
    usleep(500000); mark(q, marks[2]); puts("paused"); fflush(stdout);
    while (paused == 1) usleep(1000);
    mark(q, marks[3]); puts("resumed"); fflush(stdout);
    pthread_join(counted.b, NULL);
    stop = 1;
    printf("rest %.1f paused %.1f whole %d bytes %llu\n", p99(q, marks[0], marks[1]), p99(q, marks[2], marks[3]), counted.whole,
        (unsigned long long)counted.bytes);
    fflush(stdout);
    _exit(0);
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files); files.rlim_cur = files.rlim_max; setrlimit(RLIMIT_NOFILE, &files);
    for (int i = 2; i < argc; i++) {
        char *v = strchr(argv[i], '=');
        if (!v) die(argv[i]);
        *v++ = 0;
        const char *k = argv[i];
        if (!strcmp(k, "up")) up = v;
        else if (!strcmp(k, "down")) down = v;
        else if (!strcmp(k, "cert")) cert = v;
        else if (!strcmp(k, "key")) key = v;
        else if (!strcmp(k, "ws")) ws = atoi(v);
        else if (!strcmp(k, "tls")) {
            tls_up = !strcmp(v, "up") || !strcmp(v, "1");
            tls_down = !strcmp(v, "down") || !strcmp(v, "1");
        }
        else if (!strcmp(k, "pairs")) pairs = atoi(v);
        else if (!strcmp(k, "frame")) frame = atol(v);
        else if (!strcmp(k, "seconds")) seconds = atof(v);
        else if (!strcmp(k, "stall")) stall_seconds = atof(v);
        else if (!strcmp(k, "pause")) pause_us = atoi(v);
        else if (!strcmp(k, "batch")) batch = atoi(v);
        else die(k);
    }
    client_ctx = context(TLS_client_method());
    if (!strncmp(down, "listen", 6)) {
        server_ctx = context(TLS_server_method());
        if (cert
            && (SSL_CTX_use_certificate_chain_file(server_ctx, cert) != 1
                || SSL_CTX_use_PrivateKey_file(server_ctx, key, SSL_FILETYPE_PEM) != 1))
            die(cert);
        struct sockaddr_in a = address(down);
        int yes = 1;
        listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        if (bind(listening, (struct sockaddr *)&a, sizeof a) || listen(listening, 128)) die(down);
    }
    if (argc > 1 && !strcmp(argv[1], "bulk")) bulk();
    else if (argc > 1 && !strcmp(argv[1], "latency")) latency();
    else if (argc > 1 && !strcmp(argv[1], "stall")) stall();
    fprintf(stderr, "load: no such kind\n");
    return 64;
}
