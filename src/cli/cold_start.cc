// SPDX-License-Identifier: MIT
#include "cli/cold_start.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "cli/process_memory.h"

namespace tessera::cli {
namespace {

/// What the child tells its parent: this, then the bytes of an error's message.
struct Report {
  ColdStart cold_start;
  bool has_failed = false;
  ErrorCode code = ErrorCode::kInternal;
};

void write_all(int file, const void* data, std::size_t num_bytes) {
  const auto* next = static_cast<const char*>(data);
  while (num_bytes > 0) {
    const ssize_t written = ::write(file, next, num_bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // the parent finds the report cut off
    next += written;
    num_bytes -= static_cast<std::size_t>(written);
  }
}

std::string read_all(int file) {
  std::string bytes;
  std::array<char, 4096> buffer;
  while (true) {
    const ssize_t count = ::read(file, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return bytes;
    bytes.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

[[noreturn]] void run_child(int file, const std::function<Result<void>(ColdStart&)>& measure) {
  Report report;
  report.cold_start.idle_bytes = resident_bytes();
  const Result<void> result = measure(report.cold_start);
  report.cold_start.peak_bytes = peak_resident_bytes();
  std::string message;
  if (!result) {
    report.has_failed = true;
    report.code = result.error().code;
    message = result.error().message;
  }
  write_all(file, &report, sizeof report);
  write_all(file, message.data(), message.size());
  ::_exit(0);  // without the parent's handlers and buffers
}

}  // namespace

Result<ColdStart> measure_cold_start(const std::string& name,
                                     const std::function<Result<void>(ColdStart&)>& measure) {
  std::array<int, 2> pipe{};
  if (::pipe(pipe.data()) != 0) {
    return fail(ErrorCode::kInternal, "{}: no pipe: {}", name, std::strerror(errno));
  }
  std::fflush(nullptr);  // or the child would have the parent's unwritten text too
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(pipe[0]);
    run_child(pipe[1], measure);
  }
  const int fork_errno = errno;
  ::close(pipe[1]);
  const std::string bytes = child < 0 ? "" : read_all(pipe[0]);
  ::close(pipe[0]);
  if (child < 0) {
    return fail(ErrorCode::kInternal, "{}: no process: {}", name, std::strerror(fork_errno));
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  Report report;
  if (bytes.size() < sizeof report) {
    return fail(ErrorCode::kInternal, "{}: the process that ran it first ended early ({} {}){}",
                name, WIFSIGNALED(status) ? "signal" : "exit code",
                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
                WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? ": out of memory?" : "");
  }
  std::memcpy(&report, bytes.data(), sizeof report);
  if (report.has_failed) {
    return std::unexpected(Error{report.code, bytes.substr(sizeof report)});
  }
  return report.cold_start;
}

}  // namespace tessera::cli
