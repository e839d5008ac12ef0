// SPDX-License-Identifier: MIT
#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <new>

#include "base/try.h"

namespace tessera {
namespace {

constexpr std::align_val_t kAlignment{64};

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

std::unexpected<Error> system_error(const std::filesystem::path& path, const char* what) {
  const auto code = errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kAccessFailed;
  return fail(code, "{}: cannot {}: {}", path.string(), what, std::strerror(errno));
}

Result<void> write_all(int fd, std::span<const std::byte> bytes,
                       const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_error(path, "write");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const FileBytes>> FileBytes::map(const std::filesystem::path& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return system_error(path, "open");
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return system_error(path, "stat");
  if (!S_ISREG(info.st_mode)) {
    return fail(ErrorCode::kAccessFailed, "{}: not a regular file", path.string());
  }
  auto result = std::shared_ptr<FileBytes>(new FileBytes());
  if (info.st_size == 0) return result;
  const auto size = static_cast<std::size_t>(info.st_size);
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t mapped_size = (size + page - 1) / page * page + page;
  void* address =
      ::mmap(nullptr, mapped_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED) return system_error(path, "map");
  result->bytes_ = {static_cast<const std::byte*>(address), size};
  result->mapped_size_ = mapped_size;
  if (::mmap(address, size, PROT_READ, MAP_PRIVATE | MAP_FIXED, file.get(), 0) == MAP_FAILED) {
    return system_error(path, "map");
  }
  return result;
}

std::shared_ptr<const FileBytes> FileBytes::copy_of(std::span<const std::byte> bytes) {
  auto result = std::shared_ptr<FileBytes>(new FileBytes());
  if (bytes.empty()) return result;
  auto* copy = static_cast<std::byte*>(::operator new(bytes.size(), kAlignment));
  std::memcpy(copy, bytes.data(), bytes.size());
  result->bytes_ = {copy, bytes.size()};
  return result;
}

FileBytes::~FileBytes() {
  if (bytes_.empty()) return;
  auto* address = const_cast<std::byte*>(bytes_.data());
  if (mapped_size_ > 0) {
    ::munmap(address, mapped_size_);
  } else {
    ::operator delete(address, kAlignment);
  }
}

void FileBytes::give_back(std::vector<std::span<const std::byte>> parts) const {
  if (mapped_size_ == 0) return;
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto address = [](const std::byte* byte) { return reinterpret_cast<std::uintptr_t>(byte); };
  const std::uintptr_t file_begin = address(bytes_.data()), file_end = file_begin + bytes_.size();
  std::erase_if(parts, [&](std::span<const std::byte> part) {
    return part.empty() || address(part.data()) < file_begin ||
           address(part.data()) + part.size() > file_end;
  });
  std::ranges::sort(parts, {}, [](std::span<const std::byte> part) { return part.data(); });
  for (std::size_t i = 0; i < parts.size();) {
    const std::uintptr_t begin = address(parts[i].data());
    std::uintptr_t end = begin;
    for (; i < parts.size() && address(parts[i].data()) < end + page; ++i) {
      end = std::max(end, address(parts[i].data()) + parts[i].size());
    }
    const std::uintptr_t first_page = (begin + page - 1) / page * page,
                         last_page = end / page * page;
    if (first_page >= last_page) continue;
    // The mapping is private and nobody can write to it, so nothing is lost.
    ::madvise(reinterpret_cast<void*>(first_page), last_page - first_page, MADV_DONTNEED);
  }
}

Result<void> write_file_atomically(const std::filesystem::path& path,
                                   std::span<const std::byte> bytes) {
  return write_parts_atomically(path, std::span(&bytes, 1));
}

Result<void> write_parts_atomically(const std::filesystem::path& path,
                                    std::span<const std::span<const std::byte>> parts) {
  std::string temporary = path.string() + ".XXXXXX";
  const FileDescriptor file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (file.get() < 0) return system_error(path, "create");
  ::fchmod(file.get(), 0644);
  Result<void> written;
  for (const auto part : parts) {
    if (written) written = write_all(file.get(), part, path);
  }
  if (written && ::rename(temporary.c_str(), path.c_str()) != 0) {
    written = system_error(path, "rename");
  }
  if (!written) ::unlink(temporary.c_str());
  return written;
}

}  // namespace tessera
