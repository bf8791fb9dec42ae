// SPDX-License-Identifier: BSL-1.0
#include <QSaveFile>

#include "peers.hpp"

namespace perdure::bench {
namespace {

class SaveFile final : public Saver {
 public:
  explicit SaveFile(std::string directory) : directory_(std::move(directory)) {}

  bool save(const std::string& name, const std::string& content) override {
    return stream(name, content, content.size());
  }
  bool stream(const std::string& name, const std::string& content, std::size_t block) override {
    QSaveFile file(QString::fromStdString(directory_ + "/" + name));
    if (!file.open(QIODevice::WriteOnly)) return false;
    for (std::size_t at = 0; at < content.size(); at += block) {
      const auto size = static_cast<qint64>(std::min(block, content.size() - at));
      if (file.write(content.data() + at, size) != size) return false;
    }
    return file.commit();
  }

 private:
  std::string directory_;
};

}  // namespace

void add_qsavefile(Ways& ways) {
  ways.push_back({.name = "QSaveFile",
                  .reached = std::string(Reached::ordered),
                  .note = "open, write, commit; the directory is not synced",
                  .together = "each",
                  .streams = true,
                  .open = opener<SaveFile>()});
}

}  // namespace perdure::bench
