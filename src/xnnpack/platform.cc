// SPDX-License-Identifier: MIT
#include "xnnpack/platform.h"

#include <cpuinfo.h>
#include <elf.h>
#include <link.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <xnnpack.h>

#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include "xnnpack/allocator.h"

namespace tessera::xnnpack {
namespace {

using Bytes = std::span<const std::byte>;

/// The linker's build id among the notes of a segment.
std::optional<Bytes> find_build_id(Bytes notes) {
  const auto padded = [](std::size_t size) { return (size + 3) / 4 * 4; };
  while (notes.size() >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) note;
    std::memcpy(&note, notes.data(), sizeof note);
    const std::size_t size = sizeof note + padded(note.n_namesz) + padded(note.n_descsz);
    if (size > notes.size()) break;
    const std::string_view name(reinterpret_cast<const char*>(notes.data()) + sizeof note,
                                note.n_namesz);
    if (note.n_type == NT_GNU_BUILD_ID && name == std::string_view("GNU\0", 4)) {
      return notes.subspan(sizeof note + padded(note.n_namesz), note.n_descsz);
    }
    notes = notes.subspan(size);
  }
  return std::nullopt;
}

/// Of the loaded object (XNNPACK's library, or the program that it was linked into) that has the
/// code of xnn_initialize: the build id, or if the linker was told to leave it out all code, which
/// does not depend on the address it was loaded to.
int describe_library(dl_phdr_info* info, std::size_t, void* description) {
  const auto code_address = reinterpret_cast<std::uintptr_t>(&xnn_initialize);
  const std::span segments(info->dlpi_phdr, info->dlpi_phnum);
  const auto bytes_of = [&](const ElfW(Phdr) & segment) {
    return Bytes(reinterpret_cast<const std::byte*>(info->dlpi_addr + segment.p_vaddr),
                 segment.p_memsz);
  };
  std::optional<Bytes> code, build_id;
  for (const auto& segment : segments) {
    const auto begin = info->dlpi_addr + segment.p_vaddr;
    if (segment.p_type == PT_LOAD && code_address >= begin &&
        code_address < begin + segment.p_memsz) {
      code = bytes_of(segment);
    } else if (segment.p_type == PT_NOTE && !build_id) {
      build_id = find_build_id(bytes_of(segment));
    }
  }
  if (!code) return 0;
  static_cast<Description*>(description)->add(build_id ? *build_id : *code);
  return 1;
}

/// Features that the process may use and whose state is large: on x86, AMX.
std::uint64_t permitted_features() {
  std::uint64_t features = 0;
#ifdef __x86_64__
  constexpr long kGetPermitted = 0x1022;  // ARCH_GET_XCOMP_PERM
  ::syscall(SYS_arch_prctl, kGetPermitted, &features);
#endif
  return features;
}

}  // namespace

Result<void> initialize() {
  static const xnn_status status = xnn_initialize(&counting_allocator());
  if (status == xnn_status_success) return {};
  return fail(status == xnn_status_out_of_memory ? ErrorCode::kDelegateMemoryAllocationFailed
                                                 : ErrorCode::kNotSupported,
              "XNNPACK delegate: xnn_initialize: status {}", static_cast<int>(status));
}

ContentHash packing_platform() {
  static const ContentHash hash = [] {
    Description description;
    ::dl_iterate_phdr(describe_library, &description);
    if (cpuinfo_initialize()) {
      description.add(std::as_bytes(std::span(&cpuinfo_isa, 1)));
      description.add(cpuinfo_get_core(0)->vendor);
      description.add(cpuinfo_get_core(0)->uarch);
    }
    description.add(permitted_features());
    return description.hash(/*seed=*/0);
  }();
  return hash;
}

}  // namespace tessera::xnnpack
