// SPDX-License-Identifier: MIT
#include "tessera/program.h"

#include <utility>

#include "base/try.h"
#include "runtime/method_impl.h"
#include "runtime/program_impl.h"

namespace tessera {
namespace {

Result<std::optional<ir::Signature>> find_signature(const pte::Program& program,
                                                    const std::string& method) {
  const auto bytes = program.find_named_data(pte::signature_key(method));
  if (!bytes) return std::nullopt;
  const std::string_view text(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  auto signature = ir::parse_signature(text);
  if (!signature) {
    return fail(ErrorCode::kInvalidProgram, "signature of method '{}': {}", method,
                signature.error().message);
  }
  return *std::move(signature);
}

}  // namespace

Result<std::unique_ptr<Program::Impl>> Program::Impl::read(std::shared_ptr<const FileBytes> file) {
  auto impl = std::make_unique<Impl>();
  impl->program = TRY(pte::read(file->bytes()));
  impl->file = std::move(file);
  for (const pte::ExecutionPlan& plan : impl->program.plans) {
    auto signature = TRY(find_signature(impl->program, plan.name));
    impl->methods.push_back({&plan, std::move(signature)});
  }
  return impl;
}

Result<const Program::Impl::MethodEntry*> Program::Impl::find_method(std::string_view name) const {
  std::string names;
  for (const MethodEntry& entry : methods) {
    if (entry.plan->name == name) return &entry;
    names += std::format("{}'{}'", names.empty() ? "" : ", ", entry.plan->name);
  }
  return fail(ErrorCode::kNotFound, "no method '{}', the program has {}", name,
              names.empty() ? "none" : names);
}

Program::Program(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Program::~Program() = default;

Result<std::shared_ptr<const Program>> Program::load(const std::filesystem::path& path) {
  auto impl = Impl::read(TRY(FileBytes::map(path)));
  if (!impl) return with_context(std::move(impl).error(), path.string());
  return std::shared_ptr<const Program>(new Program(*std::move(impl)));
}

Result<std::shared_ptr<const Program>> Program::load(std::span<const std::byte> bytes) {
  auto impl = TRY(Impl::read(FileBytes::copy_of(bytes)));
  return std::shared_ptr<const Program>(new Program(std::move(impl)));
}

std::vector<std::string> Program::method_names() const {
  std::vector<std::string> names;
  for (const Impl::MethodEntry& entry : impl_->methods) names.push_back(entry.plan->name);
  return names;
}

Result<std::vector<TensorInfo>> Program::inputs(std::string_view method) const {
  const Impl::MethodEntry& entry = *TRY(impl_->find_method(method));
  return TRY(runtime::InputRules::make(*entry.plan, entry.signature)).infos();
}

Result<std::vector<TensorInfo>> Program::outputs(std::string_view method) const {
  const Impl::MethodEntry& entry = *TRY(impl_->find_method(method));
  return runtime::output_infos(*entry.plan, entry.signature);
}

Result<std::unique_ptr<Method>> Program::load_method(std::string_view name,
                                                     MethodOptions options) const {
  const Impl::MethodEntry& entry = *TRY(impl_->find_method(name));
  auto method = Method::Impl::load(*impl_, entry, options);
  if (!method) return with_context(std::move(method).error(), std::format("method '{}'", name));
  return std::make_unique<Method>(*std::move(method));
}

}  // namespace tessera
