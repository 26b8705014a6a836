package dev.darkroom.pipeline;

/**
 * How much room a prompt takes, as AUTOMATIC1111 counts: the longest of its parts and of the texts it has in different steps.
 *
 * @param field  prompt or negative prompt
 * @param tokens places taken, without starts and ends of chunks
 * @param limit  how many there are in as many chunks
 * @param chunks of 75 tokens
 */
public record TokenCount(String field, int tokens, int limit, int chunks) {
    @Override
    public String toString() {
        return field + " " + tokens + "/" + limit + " tokens";
    }
}
