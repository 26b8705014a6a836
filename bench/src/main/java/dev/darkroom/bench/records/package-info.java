/**
 * The records of bench/records: their form, and the page that sets them beside the goals.
 *
 * <p>Must not know how anything is measured.
 */
@NullMarked
package dev.darkroom.bench.records;

import org.jspecify.annotations.NullMarked;
