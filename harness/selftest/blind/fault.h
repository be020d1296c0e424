/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compile-time switches of the blind libraries. `-DFAULT=n` builds fault n of faults.yaml in;
 * `-DOPEN_...=v` chooses where the documents leave a choice. Without them a library is right.
 */
#ifndef BLIND_FAULT_H
#define BLIND_FAULT_H

#ifndef FAULT
#define FAULT 0
#endif
#define FAULTY(n) (FAULT == (n))

/* With -DFAULT=blind_fault an object serves all faults, and the library it is linked into has one. */
extern const int blind_fault;

#endif
