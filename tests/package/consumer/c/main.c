// SPDX-License-Identifier: BSL-1.0
// The user's program: commits a file, and reads it back.
#include <stdio.h>
#include <string.h>

#include <perdure/perdure.h>

int main(int argc, char **argv) {
  static const char text[] = "threads = 8\n";
  perdure_error *error;
  perdure_content *content;
  if (argc != 2) return 2;
  if (perdure_write(argv[1], text, strlen(text), NULL, NULL, &error) != 0 ||
      perdure_read(argv[1], 4096, &content, &error) != 0) {
    fprintf(stderr, "%s\n", perdure_error_message(error));
    perdure_error_free(error);
    return 1;
  }
  printf("%zu bytes, %s\n", perdure_content_size(content), perdure_content_version(content));
  perdure_content_free(content);
  return 0;
}
