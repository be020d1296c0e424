/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are not a library for this machine, each with its own line. */
#include "sut.h"

#include <check.h>
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[32];
static char path[64];
static struct text error;

/* A 64-bit library with what the examination looks at: a loadable segment, a dynamic section, a
 * build id. */
struct image {
    Elf64_Ehdr header;
    Elf64_Phdr segments[3];
    Elf64_Dyn dynamic[2];
    struct {
        Elf64_Nhdr header;
        char name[4];
        unsigned char id[20];
    } note;
};

static struct image image;

static void setup(void)
{
    memcpy(directory, "/tmp/ipc-cts-sut-XXXXXX", sizeof("/tmp/ipc-cts-sut-XXXXXX"));
    ck_assert_ptr_nonnull(mkdtemp(directory));
    int length = snprintf(path, sizeof(path), "%s/lib.so", directory);
    ck_assert_int_gt(length, 0);
    memset(&image, 0, sizeof(image));
    memcpy(image.header.e_ident, ELFMAG, SELFMAG);
    image.header.e_ident[EI_CLASS] = ELFCLASS64;
    image.header.e_ident[EI_DATA] =
        __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
    image.header.e_type = ET_DYN;
    image.header.e_phoff = offsetof(struct image, segments);
    image.header.e_phentsize = sizeof(Elf64_Phdr);
    image.header.e_phnum = 3;
    int self = open("/proc/self/exe", O_RDONLY);
    Elf64_Ehdr own;
    ck_assert_int_ge(self, 0);
    ck_assert_int_eq(read(self, &own, sizeof(own)), sizeof(own));
    ck_assert_int_eq(close(self), 0);
    image.header.e_machine = own.e_machine;
    image.segments[0] = (Elf64_Phdr){.p_type = PT_LOAD, .p_filesz = sizeof(image)};
    image.segments[1] = (Elf64_Phdr){.p_type = PT_DYNAMIC,
                                     .p_offset = offsetof(struct image, dynamic),
                                     .p_filesz = sizeof(image.dynamic)};
    image.segments[2] = (Elf64_Phdr){.p_type = PT_NOTE,
                                     .p_offset = offsetof(struct image, note),
                                     .p_filesz = sizeof(image.note),
                                     .p_align = 4};
    image.note.header = (Elf64_Nhdr){.n_namesz = 4, .n_descsz = 20, .n_type = NT_GNU_BUILD_ID};
    memcpy(image.note.name, "GNU", 4);
    memset(image.note.id, 0xa5, sizeof(image.note.id));
}

static void teardown(void)
{
    text_finish(&error);
    (void)unlink(path);
    ck_assert_int_eq(rmdir(directory), 0);
}

static void write_file(const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
    ck_assert_int_eq(close(fd), 0);
}

static void expect_refused(const char *words)
{
    struct sut_file file;
    text_clear(&error);
    ck_assert(!sut_examine(path, &file, &error));
    ck_assert_msg(strstr(text_string(&error), words) != NULL, "%s", text_string(&error));
    ck_assert_ptr_null(strchr(text_string(&error), '\n'));
    sut_finish(&file);
}

static void refuse_image(const char *words)
{
    write_file(&image, sizeof(image));
    expect_refused(words);
}

START_TEST(a_good_one)
{
    struct sut_file file;
    write_file(&image, sizeof(image));
    ck_assert_msg(sut_examine(path, &file, &error), "%s", text_string(&error));
    ck_assert_str_eq(file.build_id, "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5");
    ck_assert_uint_eq(file.size_bytes, sizeof(image));
    ck_assert_int_eq(file.path[0], '/');
    sut_finish(&file);
    image.note.header.n_descsz = 0xffffffff; /* a note that says it is huge is no build id */
    write_file(&image, sizeof(image));
    ck_assert(sut_examine(path, &file, &error));
    ck_assert_str_eq(file.build_id, "");
    sut_finish(&file);
}
END_TEST

START_TEST(not_a_file)
{
    expect_refused("does not exist");
    ck_assert_int_eq(mkfifo(path, 0644), 0);
    expect_refused("is not a regular file");
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkdir(path, 0755), 0);
    expect_refused("is a directory");
    ck_assert_int_eq(rmdir(path), 0);
    ck_assert_int_eq(symlink("nowhere", path), 0);
    expect_refused("does not exist");
}
END_TEST

START_TEST(not_elf)
{
    write_file("", 0);
    expect_refused("is empty");
    write_file("GROUP ( libc.so.6 )\n", 20);
    expect_refused("is not an ELF file");
    write_file("!<arch>\nabc", 11);
    expect_refused("is a static library");
    write_file("\177ELF", 4);
    expect_refused("is not an ELF file");
}
END_TEST

START_TEST(not_readable)
{
    if (geteuid() != 0) {
        write_file(&image, sizeof(image));
        ck_assert_int_eq(chmod(path, 0), 0);
        expect_refused("cannot be read");
    }
}
END_TEST

START_TEST(truncated)
{
    for (size_t size = 0; size < sizeof(image); size++) {
        struct sut_file file;
        write_file(&image, size);
        text_clear(&error);
        ck_assert_msg(!sut_examine(path, &file, &error), "size %zu", size);
        ck_assert_uint_ne(error.size, 0);
        sut_finish(&file);
    }
}
END_TEST

START_TEST(other_machine)
{
    uint16_t own = image.header.e_machine;
    image.header.e_machine = own == EM_AARCH64 ? EM_X86_64 : EM_AARCH64;
    refuse_image(own == EM_AARCH64 ? "for another machine: x86-64"
                                   : "for another machine: AArch64");
    image.header.e_machine = 4711;
    refuse_image("machine number 4711");
    image.header.e_machine = own;
    image.header.e_ident[EI_CLASS] = ELFCLASS32;
    refuse_image("for another machine: 32 bits");
    image.header.e_ident[EI_CLASS] = ELFCLASS64;
    image.header.e_ident[EI_DATA] ^= ELFDATA2LSB ^ ELFDATA2MSB;
    refuse_image("for another machine");
}
END_TEST

START_TEST(other_kind)
{
    image.header.e_type = ET_EXEC;
    refuse_image("is a program");
    image.header.e_type = ET_REL;
    refuse_image("is an object file");
    image.header.e_type = ET_CORE;
    refuse_image("is a core dump");
    image.header.e_type = 77;
    refuse_image("is not a shared library");
    image.header.e_type = ET_DYN;
    image.dynamic[0] = (Elf64_Dyn){.d_tag = DT_FLAGS_1, .d_un.d_val = DF_1_PIE};
    refuse_image("is a program");
    image.segments[1].p_type = PT_NULL;
    refuse_image("is not a shared library");
}
END_TEST

START_TEST(damaged)
{
    image.header.e_phnum = 0;
    refuse_image("damaged");
    image.header.e_phnum = 65535;
    refuse_image("damaged");
    image.header.e_phnum = 3;
    image.header.e_phentsize = 1;
    refuse_image("damaged");
    image.header.e_phentsize = sizeof(Elf64_Phdr);
    image.header.e_phoff = UINT64_MAX - 8;
    refuse_image("truncated");
    image.header.e_phoff = offsetof(struct image, segments);
    image.segments[0].p_filesz = UINT64_MAX;
    refuse_image("truncated");
    image.segments[0].p_filesz = sizeof(image);
    image.segments[1].p_offset = UINT64_MAX;
    refuse_image("truncated");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("supervisor_sut");
    TCase *tests = tcase_create("files");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, not_a_file);
    tcase_add_test(tests, not_elf);
    tcase_add_test(tests, not_readable);
    if (sizeof(void *) == 8) {
        tcase_add_test(tests, a_good_one);
        tcase_add_test(tests, truncated);
        tcase_add_test(tests, other_machine);
        tcase_add_test(tests, other_kind);
        tcase_add_test(tests, damaged);
    }
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
