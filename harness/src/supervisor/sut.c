/* SPDX-License-Identifier: Apache-2.0 */
#include "sut.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#if __SIZEOF_POINTER__ == 8
typedef Elf64_Ehdr sut_header;
typedef Elf64_Phdr sut_segment;
typedef Elf64_Nhdr sut_note;
typedef Elf64_Dyn sut_dynamic;
#define SUT_CLASS ELFCLASS64
#else
typedef Elf32_Ehdr sut_header;
typedef Elf32_Phdr sut_segment;
typedef Elf32_Nhdr sut_note;
typedef Elf32_Dyn sut_dynamic;
#define SUT_CLASS ELFCLASS32
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define SUT_DATA ELFDATA2LSB
#else
#define SUT_DATA ELFDATA2MSB
#endif

#define SUT_ARCHIVE_MAGIC "!<arch>\n"
#define SUT_ARCHIVE_MAGIC_BYTES 8u

#define SUT_SEGMENTS_MAX 256u
#define SUT_SECTION_BYTES_MAX 65536u

static bool read_at(int fd, uint64_t offset, void *to, size_t size)
{
    char *at = to;
    if (offset > INT64_MAX / 2) {
        return false;
    }
    while (size != 0) {
        ssize_t got = pread(fd, at, size, (off_t)offset);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        at += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return true;
}

/* The header of the program that is to load the library: this one, or a worker. */
static sut_header loader_header(const char *worker)
{
    sut_header header = {.e_machine = EM_NONE};
    int fd = open(worker != NULL ? worker : "/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)read_at(fd, 0, &header, sizeof(header));
        (void)close(fd);
    }
    return header;
}

static const char *machine_name(unsigned machine)
{
    switch (machine) {
    case EM_386:
        return "x86 (32 bits)";
    case EM_X86_64:
        return "x86-64";
    case EM_ARM:
        return "ARM (32 bits)";
    case EM_AARCH64:
        return "AArch64";
    case EM_RISCV:
        return "RISC-V";
    case EM_MIPS:
        return "MIPS";
    case EM_PPC64:
        return "PowerPC (64 bits)";
    case EM_S390:
        return "S/390";
    default:
        return NULL;
    }
}

static void say_machine(struct text *error, unsigned machine)
{
    const char *name = machine_name(machine);
    if (name != NULL) {
        text_puts(error, name);
    } else {
        text_printf(error, "machine number %u", machine);
    }
}

/* Kind of ELF file by its header, apart from shared objects; null for those. */
static const char *wrong_type(unsigned type)
{
    switch (type) {
    case ET_DYN:
        return NULL;
    case ET_EXEC:
        return "is a program, not a shared library";
    case ET_REL:
        return "is an object file, not a shared library";
    case ET_CORE:
        return "is a core dump, not a shared library";
    default:
        return "is not a shared library";
    }
}

/* Are its structures those of this program? */
static bool can_be_read(const sut_header *header)
{
    return header->e_ident[EI_CLASS] == SUT_CLASS && header->e_ident[EI_DATA] == SUT_DATA;
}

static bool is_elf(const sut_header *header)
{
    return memcmp(header->e_ident, ELFMAG, SELFMAG) == 0;
}

static void say_word(struct text *error, const unsigned char *ident)
{
    text_printf(error, "%s, %s",
                ident[EI_CLASS] == ELFCLASS64   ? "64 bits"
                : ident[EI_CLASS] == ELFCLASS32 ? "32 bits"
                                                : "unknown word size",
                ident[EI_DATA] == ELFDATA2MSB ? "big-endian" : "little-endian");
}

static bool same_word(const unsigned char *ident, const unsigned char *other)
{
    return ident[EI_CLASS] == other[EI_CLASS] && ident[EI_DATA] == other[EI_DATA];
}

static bool check_header(const sut_header *header, size_t size, const char *worker,
                         struct text *error)
{
    const unsigned char *ident = header->e_ident;
    const sut_header loader = loader_header(worker);
    const char *loader_name = worker != NULL ? "the worker is for" : "this one is";
    if (size >= SUT_ARCHIVE_MAGIC_BYTES &&
        memcmp(ident, SUT_ARCHIVE_MAGIC, SUT_ARCHIVE_MAGIC_BYTES) == 0) {
        text_puts(error, "is a static library; a shared one is needed, or --sysroot");
        return false;
    }
    if (size < EI_NIDENT || !is_elf(header)) {
        text_puts(error, size == 0 ? "is empty" : "is not an ELF file");
        return false;
    }
    if (is_elf(&loader) && !same_word(ident, loader.e_ident)) {
        text_puts(error, "is for another machine: ");
        say_word(error, ident);
        text_printf(error, ", and %s ", loader_name);
        say_word(error, loader.e_ident);
        return false;
    }
    if (size < sizeof(*header)) {
        text_puts(error, "is a truncated ELF file");
        return false;
    }
    if (is_elf(&loader) && header->e_machine != loader.e_machine) {
        text_puts(error, "is for another machine: ");
        say_machine(error, header->e_machine);
        text_printf(error, ", and %s ", loader_name);
        say_machine(error, loader.e_machine);
        return false;
    }
    const char *wrong = can_be_read(header) ? wrong_type(header->e_type) : NULL;
    if (wrong != NULL) {
        text_puts(error, wrong);
        return false;
    }
    return true;
}

/* Content of a segment, bounded. False when the file does not hold it. */
static bool read_segment(int fd, const sut_segment *segment, char *bytes, size_t *size)
{
    *size = segment->p_filesz < SUT_SECTION_BYTES_MAX ? (size_t)segment->p_filesz
                                                      : SUT_SECTION_BYTES_MAX;
    return read_at(fd, segment->p_offset, bytes, *size);
}

static void find_build_id(const char *bytes, size_t size, size_t align, struct sut_file *file)
{
    size_t at = 0;
    size_t unit = align == 8 ? 8 : 4;
    while (size - at >= sizeof(sut_note)) {
        sut_note note;
        memcpy(&note, bytes + at, sizeof(note));
        size_t name = at + sizeof(note);
        if (note.n_namesz > size || note.n_descsz > size) {
            return;
        }
        size_t content = name + ((note.n_namesz + unit - 1) & ~(unit - 1));
        size_t next = content + ((note.n_descsz + unit - 1) & ~(unit - 1));
        if (content + note.n_descsz > size) {
            return;
        }
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
            memcmp(bytes + name, "GNU", 4) == 0 && note.n_descsz != 0 && note.n_descsz <= 64) {
            for (size_t i = 0; i < note.n_descsz; i++) {
                static const char digits[] = "0123456789abcdef";
                unsigned char byte = (unsigned char)bytes[content + i];
                file->build_id[2 * i] = digits[byte >> 4];
                file->build_id[2 * i + 1] = digits[byte & 15];
            }
            file->build_id[2 * note.n_descsz] = '\0';
            return;
        }
        if (next > size) {
            return;
        }
        at = next;
    }
}

static bool is_program(const char *bytes, size_t size)
{
    for (size_t at = 0; size - at >= sizeof(sut_dynamic); at += sizeof(sut_dynamic)) {
        sut_dynamic entry;
        memcpy(&entry, bytes + at, sizeof(entry));
        if (entry.d_tag == DT_NULL) {
            break;
        }
        if (entry.d_tag == DT_FLAGS_1 && (entry.d_un.d_val & DF_1_PIE) != 0) {
            return true;
        }
    }
    return false;
}

static bool check_segments(int fd, const sut_header *header, struct sut_file *file,
                           struct text *error)
{
    bool dynamic = false;
    char *bytes = allocate(SUT_SECTION_BYTES_MAX);
    const char *wrong = NULL;
    if (header->e_phnum == 0 || header->e_phnum > SUT_SEGMENTS_MAX ||
        header->e_phentsize != sizeof(sut_segment)) {
        wrong = "is a damaged ELF file";
    }
    for (unsigned i = 0; wrong == NULL && i < header->e_phnum; i++) {
        sut_segment segment;
        size_t size = 0;
        if (!read_at(fd, header->e_phoff + (uint64_t)i * sizeof(segment), &segment,
                     sizeof(segment))) {
            wrong = "is a truncated ELF file";
        } else if (segment.p_type == PT_LOAD &&
                   (segment.p_filesz > file->size_bytes ||
                    segment.p_offset > file->size_bytes - segment.p_filesz)) {
            wrong = "is a truncated ELF file";
        } else if (segment.p_type == PT_DYNAMIC) {
            dynamic = true;
            if (!read_segment(fd, &segment, bytes, &size)) {
                wrong = "is a truncated ELF file";
            } else if (is_program(bytes, size)) {
                wrong = "is a program, not a shared library";
            }
        } else if (segment.p_type == PT_NOTE && file->build_id[0] == '\0' &&
                   read_segment(fd, &segment, bytes, &size)) {
            find_build_id(bytes, size, (size_t)segment.p_align, file);
        }
    }
    free(bytes);
    if (wrong == NULL && !dynamic) {
        wrong = "is not a shared library";
    }
    if (wrong != NULL) {
        text_puts(error, wrong);
    }
    return wrong == NULL;
}

static const char *wrong_kind(mode_t mode)
{
    return S_ISREG(mode) ? NULL : S_ISDIR(mode) ? "is a directory" : "is not a regular file";
}

bool sut_examine(const char *path, struct sut_file *file, struct text *error)
{
    return sut_examine_for(path, NULL, file, error);
}

bool sut_examine_for(const char *path, const char *worker, struct sut_file *file,
                     struct text *error)
{
    *file = (struct sut_file){0};
    struct stat status;
    if (stat(path, &status) != 0) {
        text_puts(error, errno == ENOENT ? "does not exist" : strerror(errno));
        return false;
    }
    /* Before opening: opening a pipe would block. */
    const char *wrong = wrong_kind(status.st_mode);
    if (wrong != NULL) {
        text_puts(error, wrong);
        return false;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        text_printf(error, "cannot be read: %s", strerror(errno));
        return false;
    }
    sut_header header = {0};
    ssize_t size = pread(fd, &header, sizeof(header), 0);
    bool good = false;
    if (size < 0) {
        text_printf(error, "cannot be read: %s", strerror(errno));
    } else {
        file->size_bytes = (uint64_t)status.st_size;
        good = check_header(&header, (size_t)size, worker, error) &&
               (!can_be_read(&header) || check_segments(fd, &header, file, error));
    }
    (void)close(fd);
    if (good) {
        file->path = realpath(path, NULL);
        if (file->path == NULL) {
            text_puts(error, strerror(errno));
            good = false;
        }
    }
    return good;
}

bool sut_is_archive(const char *path)
{
    char magic[SUT_ARCHIVE_MAGIC_BYTES];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool archive = fd >= 0 && read_at(fd, 0, magic, sizeof(magic)) &&
                   memcmp(magic, SUT_ARCHIVE_MAGIC, sizeof(magic)) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return archive;
}

bool sut_examine_archive(const char *path, struct sut_file *file, struct text *error)
{
    struct stat status;
    *file = (struct sut_file){0};
    file->path = stat(path, &status) == 0 ? realpath(path, NULL) : NULL;
    if (file->path == NULL) {
        text_puts(error, strerror(errno));
        return false;
    }
    file->size_bytes = (uint64_t)status.st_size;
    return true;
}

void sut_finish(struct sut_file *file)
{
    free(file->path);
    *file = (struct sut_file){0};
}

bool sut_has_counters(const char *path)
{
    static const char ending[] = ".gcda"; /* with the zero byte after it */
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    bool found = false;
    if (fd >= 0 && fstat(fd, &status) == 0 && status.st_size > 0) {
        size_t size = (size_t)status.st_size;
        void *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map != MAP_FAILED) {
            found = memmem(map, size, ending, sizeof(ending)) != NULL;
            (void)munmap(map, size);
        }
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return found;
}
