// The load for weftd's leases: one thread, one epoll, requests made once and patched in place, so that it takes little of the machine
// that it shares with what it measures.
//
//   load ADDRESS PORT CLIENTS COUNT MODE NETWORKS FIRST AGENTS [ITEMS]
//     CLIENTS    connections, each with one request on its way
//     COUNT      requests in all; MODE acquire: a new pod each; churn: each pod is released before the next
//     NETWORKS   a file: an id a line, taken in turn; FIRST the number of the first pod
//     AGENTS     a file: credential, session, node: a line each, taken in turn by the connections
//     ITEMS      how many pods of a network are asked for in one request, leases/batch; without it each is a request of its own
//   load sync FILE COUNT
//     writes of 4 KiB over a file that is there, each with its fdatasync → "p50 N", microseconds
//   → "rate N p50 N p99 N errors N cpu N": pods a second, microseconds of a request, those that weren't answered with 2xx, seconds of processor time
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef struct { char credential[128], session[64], node[64]; uint64_t sequence; } agent;
typedef struct { int fd, length, sent, got, want, releases; uint64_t pod; double begun; agent *by; const char *network; char *out, *in; } client;

static int items = 1, out_size, in_size;

static void die(const char *what) { fprintf(stderr, "load: %s: %s\n", what, strerror(errno)); exit(1); }
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }
static int by_value(const void *a, const void *b) { float x = *(const float *)a, y = *(const float *)b; return x < y ? -1 : x > y; }

static char **lines(const char *path, int *count) {
    FILE *f = fopen(path, "r");
    if (!f) die(path);
    char **all = 0, line[1024];
    for (*count = 0; fgets(line, sizeof line, f); ) {
        line[strcspn(line, "\n")] = 0;
        all = realloc(all, (*count + 1) * sizeof *all);
        all[(*count)++] = strdup(line);
    }
    fclose(f);
    return all;
}

static int write_pod(client *c, char *to, int size, uint64_t pod) {
    return snprintf(to, size,
        "\"network\":\"%s\",\"containerId\":\"%016llx%016llx%016llx%016llx\",\"interface\":\"net1\",\"namespace\":\"core\",\"pod\":\"upf-%07llu\","
        "\"uid\":\"5be00000-0000-4000-8000-%012llx\",\"node\":\"%s\"",
        c->network, (unsigned long long)(pod * 0x9E3779B97F4A7C15u), (unsigned long long)(pod * 0xBF58476D1CE4E5B9u),
        (unsigned long long)(pod * 0x94D049BB133111EBu), (unsigned long long)pod, (unsigned long long)pod, (unsigned long long)pod, c->by->node);
}

static void make(client *c) {
    static char *body;
    if (!body) body = malloc(out_size);
    uint64_t first = c->by->sequence + 1;
    c->by->sequence += items;
    char order[256];
    snprintf(order, sizeof order, "\"session\":\"%s\",\"sequence\":%llu,\"oldest\":%llu", c->by->session, (unsigned long long)first,
        (unsigned long long)(first > 2048 * items ? first - 2048 * items : 1));
    int n = 0;
    if (items == 1) {
        n += sprintf(body, "{");
        n += write_pod(c, body + n, out_size - n, c->pod);
        n += sprintf(body + n, ",%s}", order);
    } else {
        n += sprintf(body, "{%s,\"items\":[", order);
        for (int i = 0; i < items; i++) {
            n += sprintf(body + n, "%s{\"verb\":\"%s\",", i ? "," : "", c->releases ? "release" : "acquire");
            n += write_pod(c, body + n, out_size - n, c->pod + i);
            n += sprintf(body + n, "}");
        }
        n += sprintf(body + n, "]}");
    }
    c->length = snprintf(c->out, out_size,
        "POST /agents/v1/leases/%s HTTP/1.1\r\nHost: weftd\r\nAuthorization: Bearer %s\r\nWeft-Agent-Instance: 00112233445566778899aabbccddeeff\r\n"
        "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
        items > 1 ? "batch" : c->releases ? "release" : "acquire", c->by->credential, n, body);
    c->sent = c->got = c->want = 0;
    c->begun = now();
}

static void flush(client *c) {
    while (c->sent < c->length) {
        ssize_t n = write(c->fd, c->out + c->sent, c->length - c->sent);
        if (n < 0) { if (errno == EAGAIN) return; die("write"); }
        c->sent += n;
    }
}

// The whole answer, or 0 while it is coming.
static int status(client *c) {
    ssize_t n = read(c->fd, c->in + c->got, in_size - 1 - c->got);
    if (n <= 0) { if (n < 0 && errno == EAGAIN) return 0; die("the server closed"); }
    c->got += n;
    c->in[c->got] = 0;
    char *end = strstr(c->in, "\r\n\r\n");
    if (!end) return 0;
    char *chunked = strcasestr(c->in, "\r\ntransfer-encoding: chunked");
    if (chunked && chunked < end) return strstr(end + 2, "\r\n0\r\n\r\n") ? atoi(c->in + 9) : 0;
    char *length = strcasestr(c->in, "\r\ncontent-length:");
    int want = end - c->in + 4 + (length && length < end ? atoi(length + 17) : 0);
    return c->got >= want ? atoi(c->in + 9) : 0;
}

static int sync_each(const char *path, int count) {
    char page[4096] = { 1 };
    float *took = malloc(count * sizeof *took);
    int f = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (f < 0) die(path);
    for (int i = 0; i < count; i++) if (pwrite(f, page, sizeof page, (off_t)i * 4096) < 0) die("write");
    if (fsync(f)) die("fsync");
    for (int i = 0; i < count; i++) {
        double begun = now();
        if (pwrite(f, page, sizeof page, (off_t)i * 4096) < 0 || fdatasync(f)) die("fdatasync");
        took[i] = (now() - begun) * 1e6;
    }
    qsort(took, count, sizeof *took, by_value);
    printf("p50 %.1f\n", took[count / 2]);
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 4 && !strcmp(argv[1], "sync")) return sync_each(argv[2], atoi(argv[3]));
    if (argc < 9) { fprintf(stderr, "load: see its head\n"); return 64; }
    if (argc > 9) items = atoi(argv[9]);
    out_size = 1024 + 512 * items;
    in_size = 1024 + 512 * items;
    int clients = atoi(argv[3]), churn = !strcmp(argv[5], "churn"), networks, agents;
    uint64_t count = atoll(argv[4]) / items, asked = 0, done = 0, errors = 0, pod = atoll(argv[7]);
    char **network = lines(argv[6], &networks), **said = lines(argv[8], &agents);
    agent *by = calloc(agents, sizeof *by);
    for (int i = 0; i < agents; i++) if (sscanf(said[i], "%127s %63s %63s", by[i].credential, by[i].session, by[i].node) != 3) die("agents");
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[2])) };
    inet_pton(AF_INET, argv[1], &to.sin_addr);
    int poll = epoll_create1(0);
    client *all = calloc(clients, sizeof *all);
    float *took = malloc(count * sizeof *took);
    for (int i = 0; i < clients; i++) {
        client *c = &all[i];
        c->out = malloc(out_size);
        c->in = malloc(in_size);
        c->fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(c->fd, (void *)&to, sizeof to)) die("connect");
        int one = 1;
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct timeval patience = { 0, 1 };
        setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        epoll_ctl(poll, EPOLL_CTL_ADD, c->fd, &(struct epoll_event){ .events = EPOLLIN, .data.ptr = c });
        c->by = &by[i % agents];
    }
    double begin = now();
    for (int i = 0; i < clients && asked < count; i++) {
        client *c = &all[i];
        c->pod = pod; pod += items; c->network = network[c->pod / items % networks]; asked++;
        make(c); flush(c);
    }
    while (done < count) {
        struct epoll_event events[256];
        int n = epoll_wait(poll, events, 256, 30000);
        if (n <= 0) die("nothing comes");
        for (int i = 0; i < n; i++) {
            client *c = events[i].data.ptr;
            int code = status(c);
            if (!code) continue;
            took[done++] = (now() - c->begun) * 1e6;
            if ((code / 100 != 2 || code == 207) && errors++ == 0) fprintf(stderr, "load: %.600s\n", c->in);
            if (asked >= count) continue;
            asked++;
            if (churn && !c->releases) c->releases = 1;
            else { c->releases = 0; c->pod = pod; pod += items; c->network = network[c->pod / items % networks]; }
            make(c); flush(c);
        }
    }
    double spent = now() - begin;
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    qsort(took, done, sizeof *took, by_value);
    printf("rate %.1f p50 %.1f p99 %.1f errors %llu cpu %.3f\n", done * items / spent, took[done / 2], took[done * 99 / 100], (unsigned long long)errors,
        use.ru_utime.tv_sec + use.ru_stime.tv_sec + (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6);
    return 0;
}
