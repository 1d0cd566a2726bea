/*
 * Notes how far each file has been synced, for power-cut.ts, which cuts off the rest once the process is dead.
 *
 * Preloaded into a node (LD_PRELOAD). A successful fsync or fdatasync writes the length that the file had when the call
 * began to $PLIMSOLL_SYNCED/<inode>: what was appended meanwhile may not be on the disk. A file that is opened to be written
 * anew begins at 0 again, for inodes are reused. Each sync takes $PLIMSOLL_SYNC_DELAY_US longer, so that more is under way.
 * The notes are themselves only in the page cache, which survives kill -9.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* By system calls: the functions of the library are the ones that are replaced here. */
static void note(ino_t inode, off_t length) {
  const char *directory = getenv("PLIMSOLL_SYNCED");
  char path[4096];
  char text[32];
  if (directory == NULL) return;
  snprintf(path, sizeof path, "%s/%llu", directory, (unsigned long long)inode);
  int size = snprintf(text, sizeof text, "%020lld\n", (long long)length);
  int fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0 || pwrite(fd, text, size, 0) != size) {
    /* Without the note a sound store would seem to lose messages: better no process than a wrong verdict. */
    static const char complaint[] = "page-cache.so: can't write to PLIMSOLL_SYNCED\n";
    (void)!syscall(SYS_write, 2, complaint, sizeof complaint - 1);
    abort();
  }
  syscall(SYS_close, fd);
}

static void note_new(int fd) {
  int saved = errno;
  struct stat facts;
  if (fd >= 0 && fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_size == 0) note(facts.st_ino, 0);
  errno = saved;
}

static int sync_and_note(const char *name, int fd) {
  int (*original)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  struct stat facts;
  int known = fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode);
  const char *delay = getenv("PLIMSOLL_SYNC_DELAY_US");
  if (delay != NULL) usleep(atoi(delay));
  int result = original(fd);
  int saved = errno;
  if (result == 0 && known) note(facts.st_ino, facts.st_size);
  errno = saved;
  return result;
}

int fsync(int fd) { return sync_and_note("fsync", fd); }

int fdatasync(int fd) { return sync_and_note("fdatasync", fd); }

static FILE *open_stream(const char *name, const char *path, const char *mode) {
  FILE *(*original)(const char *, const char *) = (FILE * (*)(const char *, const char *)) dlsym(RTLD_NEXT, name);
  FILE *file = original(path, mode);
  if (file != NULL && mode[0] != 'r') note_new(fileno(file));
  return file;
}

FILE *fopen(const char *path, const char *mode) { return open_stream("fopen", path, mode); }

FILE *fopen64(const char *path, const char *mode) { return open_stream("fopen64", path, mode); }

static int open_file(const char *name, const char *path, int flags, mode_t mode) {
  int (*original)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, name);
  int fd = original(path, flags, mode);
  if ((flags & O_ACCMODE) != O_RDONLY && (flags & O_CREAT) != 0) note_new(fd);
  return fd;
}

int open(const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return open_file("open", path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return open_file("open64", path, flags, mode);
}
