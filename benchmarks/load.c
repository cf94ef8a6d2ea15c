/* The load generator, and a bare server that measures its ceiling.
 *
 *   load ADDRESS REQUESTS LATENCIES CONNECTIONS WARM SECONDS RATE SPIN
 *   load serve PORT BYTES
 *
 * One thread, non-blocking sockets, every request built before the clock starts. ADDRESS is HOST:PORT or unix:PATH.
 * REQUESTS is a file: a count, then for each request its length, its expected answer's length (0xffffffff: any
 * answer), the request and the answer's body; numbers are 32 bits, little end first. They are sent in turn, so no two
 * neighbours are alike. RATE 0 is a closed loop: every connection sends its next request when it has its answer. With
 * a RATE (requests a second) request number i is due at start + i / RATE, goes to any free connection, and its latency
 * counts from when it was due, so that a server that stalls pays for the requests it kept waiting too.
 * LATENCIES gets one unsigned 64-bit number of nanoseconds for each answer after WARM seconds. SPIN 1 asks the kernel
 * without ever sleeping, which needs a core of its own. What came of it is printed as one line of JSON.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { ANY = 0xffffffffu, MOST_CONNECTIONS = 4096, EVENTS = 256, HEAD = 65536 };

typedef struct {
    uint32_t length, expected;
    const char *bytes, *answer;
} Request;

typedef struct {
    int fd;
    const Request *asked;
    size_t sent, got, room;
    uint64_t since;
    char *buffer;
    int busy;
} Connection;

static Request *requests;
static uint32_t many;
static Connection connections[MOST_CONNECTIONS];
static int width, events;
static const char *address;
static uint64_t *latencies;
static size_t kept, room, answered, refused, wrong, broken;
static uint64_t next_request;

static void fail(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint32_t number(const char **at) {
    uint32_t value;
    memcpy(&value, *at, 4);
    *at += 4;
    return value;
}

static void read_requests(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END)) fail(path);
    long size = ftell(file);
    char *data = malloc((size_t)size + 1);
    rewind(file);
    if (!data || fread(data, 1, (size_t)size, file) != (size_t)size) fail(path);
    fclose(file);
    const char *at = data;
    many = number(&at);
    requests = calloc(many, sizeof *requests);
    for (uint32_t i = 0; i < many; i++) {
        requests[i].length = number(&at);
        requests[i].expected = number(&at);
        requests[i].bytes = at;
        requests[i].answer = at += requests[i].length;
        if (requests[i].expected != ANY) at += requests[i].expected;
    }
    if (!many || at != data + size) {
        errno = EINVAL;
        fail(path);
    }
}

static int connected(void) {
    int fd;
    if (!strncmp(address, "unix:", 5)) {
        struct sockaddr_un to = {.sun_family = AF_UNIX};
        strncpy(to.sun_path, address + 5, sizeof to.sun_path - 1);
        fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to)) fail(address);
    } else {
        char host[64] = {0};
        const char *colon = strrchr(address, ':');
        struct sockaddr_in to = {.sin_family = AF_INET};
        if (!colon || (size_t)(colon - address) >= sizeof host) fail(address);
        memcpy(host, address, (size_t)(colon - address));
        to.sin_port = htons((uint16_t)atoi(colon + 1));
        if (inet_pton(AF_INET, host, &to.sin_addr) != 1) fail(address);
        fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to)) fail(address);
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void watch(Connection *one, int how, uint32_t what) {
    struct epoll_event event = {.events = what, .data.ptr = one};
    if (epoll_ctl(events, how, one->fd, &event)) fail("epoll_ctl");
}

static void open_one(Connection *one) {
    one->fd = connected();
    one->got = 0;
    one->busy = 0;
    watch(one, EPOLL_CTL_ADD, EPOLLIN);
}

static void reopen(Connection *one) {
    broken++;
    close(one->fd);
    open_one(one);
}

/* Send what is left; what does not fit waits until the socket takes more. */
static void push(Connection *one) {
    size_t left = one->asked->length - one->sent;
    ssize_t n = send(one->fd, one->asked->bytes + one->sent, left, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) {
        reopen(one);
        return;
    }
    one->sent += n > 0 ? (size_t)n : 0;
    if (one->sent < one->asked->length)
        watch(one, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    else if ((size_t)(n > 0 ? n : 0) < left || n < 0)
        watch(one, EPOLL_CTL_MOD, EPOLLIN);
}

static void ask(Connection *one, uint64_t since) {
    one->asked = &requests[next_request++ % many];
    one->sent = one->got = 0;
    one->since = since;
    one->busy = 1;
    push(one);
}

/* The bytes of a chunked body from ``at``: 0 while it is not whole; else its length, the chunks drawn together. */
static int gather(char *at, char *end, size_t *length) {
    char *to = at;
    for (char *from = at; from < end;) {
        char *line = memmem(from, (size_t)(end - from), "\r\n", 2);
        if (!line) return 0;
        size_t size = strtoul(from, NULL, 16);
        from = line + 2;
        if ((size_t)(end - from) < size + 2) return 0;
        if (!size) {
            *length = (size_t)(to - at);
            return 1;
        }
        memmove(to, from, size);
        to += size;
        from += size + 2;
    }
    return 0;
}

/* Whether a chunked body is whole, leaving it as it is. */
static int ended(const char *at, const char *end) {
    while (at < end) {
        const char *line = memmem(at, (size_t)(end - at), "\r\n", 2);
        if (!line) return 0;
        size_t size = strtoul(at, NULL, 16);
        at = line + 2;
        if ((size_t)(end - at) < size + 2) return 0;
        if (!size) return 1;
        at += size + 2;
    }
    return 0;
}

/* Whether the whole answer is there; then ``body`` and ``length`` say where, ``status`` which. */
static int complete(Connection *one, char **body, size_t *length, int *status) {
    char *end = memmem(one->buffer, one->got, "\r\n\r\n", 4);
    if (!end) return 0;
    *body = end + 4;
    *status = one->got > 12 ? atoi(one->buffer + 9) : 0;
    size_t have = one->got - (size_t)(*body - one->buffer);
    for (char *line = one->buffer; line < end;) {
        line = memmem(line, (size_t)(end + 2 - line), "\r\n", 2) + 2;
        if (line < end && !strncasecmp(line, "content-length:", 15)) {
            *length = strtoul(line + 15, NULL, 10);
            return have >= *length;
        }
        if (line < end && !strncasecmp(line, "transfer-encoding: chunked", 26))
            return ended(*body, one->buffer + one->got) && gather(*body, one->buffer + one->got, length);
    }
    errno = EPROTO;
    fail("an answer says nothing about its length");
    return 0;
}

/* Take what came; 1 when the answer is whole. */
static int pull(Connection *one) {
    if (one->room - one->got < 4096) {
        one->room *= 2;
        one->buffer = realloc(one->buffer, one->room);
        if (!one->buffer) fail("memory");
    }
    ssize_t n = recv(one->fd, one->buffer + one->got, one->room - one->got, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (n <= 0 || !one->busy) {
        reopen(one);
        return 0;
    }
    one->got += (size_t)n;
    char *body;
    size_t length;
    int status;
    if (!complete(one, &body, &length, &status)) return 0;
    one->busy = 0;
    if (status != 200)
        refused++;
    else if (one->asked->expected != ANY
             && (length != one->asked->expected || memcmp(body, one->asked->answer, length)))
        wrong++;
    return 1;
}

static void keep(uint64_t latency) {
    if (kept == room) {
        room = room ? room * 2 : 1 << 16;
        latencies = realloc(latencies, room * sizeof *latencies);
        if (!latencies) fail("memory");
    }
    latencies[kept++] = latency;
}

typedef struct {
    uint64_t begin, warm, end;
    double rate;
    uint64_t due;
} Plan;

static uint64_t due_at(const Plan *plan) {
    return plan->begin + (uint64_t)((double)plan->due * 1e9 / plan->rate);
}

/* Open loop: send what is due while a connection is free. */
static void send_due(Plan *plan, uint64_t at) {
    static int turn;
    for (int looked = 0; looked < width && due_at(plan) <= at; looked++) {
        Connection *one = &connections[turn++ % width];
        if (one->busy) continue;
        ask(one, due_at(plan));
        plan->due++;
        looked = -1;
    }
}

/* Sleep until something came, or the next request is due and a connection free for it. */
static void sleep_for(const Plan *plan) {
    uint64_t at = now(), until = plan->end;
    for (int i = 0; i < width && plan->rate > 0; i++)
        if (!connections[i].busy && due_at(plan) < until) until = due_at(plan);
    uint64_t left = until > at ? until - at : 0;
    struct timespec time = {.tv_sec = (time_t)(left / 1000000000u), .tv_nsec = (long)(left % 1000000000u)};
    struct pollfd came = {.fd = events, .events = POLLIN};
    ppoll(&came, 1, &time, NULL);
}

static void run(Plan *plan, int spin) {
    struct epoll_event ready[EVENTS];
    size_t seen = 0;
    if (plan->rate <= 0)
        for (int i = 0; i < width; i++) ask(&connections[i], now());
    for (;;) {
        uint64_t at = now();
        if (at >= plan->end) return;
        if (plan->rate > 0) send_due(plan, at);
        for (int i = 0; i < width && broken != seen && plan->rate <= 0; i++)
            if (!connections[i].busy) ask(&connections[i], at); /* opened anew */
        seen = broken;
        if (!spin) sleep_for(plan);
        int n = epoll_wait(events, ready, EVENTS, 0);
        for (int i = 0; i < n; i++) {
            Connection *one = ready[i].data.ptr;
            if ((ready[i].events & EPOLLOUT) && one->busy) push(one);
            if (!(ready[i].events & ~(uint32_t)EPOLLOUT)) continue;
            int whole = pull(one);
            at = now();
            if (whole && at >= plan->warm && at < plan->end) {
                answered++;
                keep(at - one->since);
            }
            if (whole && plan->rate <= 0) ask(one, at);
        }
    }
}

static int load(char **given) {
    address = given[1];
    read_requests(given[2]);
    width = atoi(given[4]);
    if (width < 1 || width > MOST_CONNECTIONS) {
        errno = EINVAL;
        fail("connections");
    }
    events = epoll_create1(0);
    for (int i = 0; i < width; i++) {
        connections[i].buffer = malloc(connections[i].room = HEAD);
        open_one(&connections[i]);
    }
    Plan plan = {.begin = now(), .rate = atof(given[7])};
    plan.warm = plan.begin + (uint64_t)(atof(given[5]) * 1e9);
    plan.end = plan.warm + (uint64_t)(atof(given[6]) * 1e9);
    run(&plan, atoi(given[8]));
    FILE *file = fopen(given[3], "wb");
    if (!file || fwrite(latencies, sizeof *latencies, kept, file) != kept || fclose(file)) fail(given[3]);
    uint64_t late = 0;
    if (plan.rate > 0)
        for (; due_at(&plan) < plan.end; plan.due++) late++;
    printf("{\"answered\": %zu, \"refused\": %zu, \"wrong\": %zu, \"broken\": %zu, \"late\": %llu}\n", answered,
           refused, wrong, broken, (unsigned long long)late);
    return 0;
}

/* One fixed answer for every whole request, at the least cost a server can have. */
static void serve(char **given) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    char answer[512];
    int body = atoi(given[3]), one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    at.sin_port = htons((uint16_t)atoi(given[2]));
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, size) || listen(listener, 512)) fail("listen");
    getsockname(listener, (struct sockaddr *)&at, &size);
    int length = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%*s", body, body, "");
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    events = epoll_create1(0);
    Connection door = {.fd = listener};
    watch(&door, EPOLL_CTL_ADD, EPOLLIN);
    struct epoll_event ready[EVENTS];
    for (;;) {
        int n = epoll_wait(events, ready, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            Connection *from = ready[i].data.ptr;
            if (from == &door) {
                Connection *made = calloc(1, sizeof *made);
                made->fd = accept(listener, NULL, NULL);
                setsockopt(made->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                watch(made, EPOLL_CTL_ADD, EPOLLIN);
                continue;
            }
            char taken[HEAD];
            /* Its own client sends a request at a time, in one piece while it is small. */
            if (recv(from->fd, taken, sizeof taken, 0) <= 0) {
                close(from->fd);
                free(from);
            } else if (send(from->fd, answer, (size_t)length, MSG_NOSIGNAL) < 0) {
                shutdown(from->fd, SHUT_RDWR);
            }
        }
    }
}

int main(int count, char **given) {
    if (count == 4 && !strcmp(given[1], "serve")) serve(given);
    if (count == 9) return load(given);
    fprintf(stderr, "usage: load ADDRESS REQUESTS LATENCIES CONNECTIONS WARM SECONDS RATE SPIN\n"
                    "       load serve PORT BYTES\n");
    return 2;
}
